"""Time the core's hottest paths and, where valgrind is installed, count their instructions."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

# The function of the benchmark that calls a path, by its name in whatever way that is mangled.
COUNTED = "*counted_calls*"
BUILD = ["cargo", "bench", "--locked", "--no-default-features", "--bench", "hot_paths"]
CALLS = 5_000
# Every process seeds its hash maps anew, and a path pays for a name that lands beside another one.
PROCESSES = 7


def build() -> str:
    """The benchmark's path."""
    output = subprocess.check_output([*BUILD, "--no-run", "--message-format", "json"], text=True)
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    paths = [
        message["executable"]
        for message in messages
        if message.get("executable") and message["target"]["name"] == "hot_paths"
    ]
    return str(paths[-1])


def instructions(program: str, path: str) -> float:
    """Instructions a call of the path and of all that it calls but the reading of the clocks.

    Only what runs within the function that calls it is collected, so no set-up is.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={Path(folder) / 'out'}",
            f"--toggle-collect={COUNTED}",
            program,
            "count",
            path,
            str(CALLS),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if collected is None or int(collected[1]) == 0:
        raise RuntimeError(f"nothing was collected of {path}:\n{done.stderr}")
    return int(collected[1]) / CALLS


def main() -> None:
    """Print the times of all paths, and below them a line for each with its instructions."""
    program = build()
    subprocess.run([program, "--bench"], check=True)
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: no instructions counted")
        return
    print("instructions a call", flush=True)
    for path in subprocess.check_output([program, "count"], text=True).splitlines():
        least = min(instructions(program, path) for _ in range(PROCESSES))
        print(f"{path:26}{least:8.1f}", flush=True)


if __name__ == "__main__":
    main()
