"""Check the licences of the crates in the wheel, and of the packages that it asks for."""

import importlib.metadata
import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-CMU",
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


# What packages say that do not say it in SPDX.
CLASSIFIERS = {"MIT License": "MIT", "BSD License": "BSD-3-Clause"}


def package_licences() -> dict[str, str]:
    """Return the licences of what the package and its extras ask for, as far as it is installed."""
    licences = {}
    for requirement in importlib.metadata.requires("ptpd-monitoring") or []:
        name = re.split(r"[^\w-]", requirement)[0]
        metadata = importlib.metadata.metadata(name)
        classifiers = metadata.get_all("Classifier") or []
        named = [entry.rpartition(" :: ")[2] for entry in classifiers if "License ::" in entry]
        said = " AND ".join(CLASSIFIERS.get(entry, entry) for entry in named)
        licences[name] = metadata.get("License-Expression") or said or "none"
    return licences


def main() -> int:
    """Print what may not be used; fail if there is any, or nothing at all."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.check_output(command))
    packages = metadata["packages"]
    python = package_licences()
    refused = [
        f"{package['name']} {package['version']}: {package['license']}"
        for package in packages
        if not is_allowed(package["license"] or "none")
    ]
    refused += [f"{name}: {said}" for name, said in python.items() if not is_allowed(said)]
    print(
        f"{len(packages)} crates and {len(python)} packages, "
        f"{len(refused)} with a licence that is not allowed"
    )
    for line in refused:
        print(line)
    return 1 if refused or len(packages) < 2 or not python else 0  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main())
