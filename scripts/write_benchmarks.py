"""Put the headlines of a benchmark's results into the README: FILE [README]."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import table  # noqa: E402 - a script's own folder is all that is on the path

START = "<!-- benchmark table -->"
END = "<!-- end of benchmark table -->"


def replaced(text: str, markdown: str) -> str:
    """The text with the table between its markers."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"expected one {START} and one {END} after it")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    return f"{before}{START}\n{markdown}\n{END}{after}"


def section(measured: dict[str, Any]) -> str:
    """The table and what it was measured on."""
    environment = measured["environment"]
    where = f"{environment['interpreter']}, {environment['cpu']}, {environment['os']}"
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    markdown = table.as_markdown(measured["results"], short=True)
    return f"\n{markdown}\n\nMeasured on {where}; {versions}.\n"


def main(results: str, readme: str = str(ROOT / "README.md")) -> None:
    """Update the file."""
    measured = json.loads(Path(results).read_text(encoding="utf-8"))
    path = Path(readme)
    text = path.read_text(encoding="utf-8")
    path.write_text(replaced(text, section(measured)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
