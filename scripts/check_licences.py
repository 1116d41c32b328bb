"""Check that every crate that the wheel is built from has a licence we can ship."""

import json
import subprocess
import sys

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression of ANDs and ORs, as crates use them, can be satisfied."""
    expression = expression.replace("/", " OR ").replace("(", "").replace(")", "")
    return all(
        any(choice.strip() in ALLOWED for choice in clause.split(" OR "))
        for clause in expression.split(" AND ")
    )


def main() -> int:
    """Print the crates that may not be shipped; fail if there are any, or no crates at all."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.check_output(command))
    packages = metadata["packages"]
    refused = [
        f"{package['name']} {package['version']}: {package['license']}"
        for package in packages
        if not is_allowed(package["license"] or "none")
    ]
    print(f"{len(packages)} crates, {len(refused)} with a licence that is not allowed")
    for line in refused:
        print(line)
    return 1 if refused or len(packages) < 2 else 0  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main())
