"""Put a benchmark's results into the README and docs/benchmarks.md: FILE [README PAGE]."""

import json
import sys
from collections.abc import Sequence
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


def headlines(rows: Sequence[table.Row]) -> str:
    """What the README shows: three rows, and how many of all keep to their target."""
    met = sum(row["met"] for row in rows)
    more = f"[All {len(rows)} comparisons](docs/benchmarks.md), of which {met} meet their target"
    return f"\n{table.as_markdown(rows, short=True)}\n\n{more}.\n"


def everything(measured: dict[str, Any]) -> str:
    """All rows, and what they were measured on and with."""
    environment = measured["environment"]
    where = f"{environment['interpreter']}, {environment['cpu']}, {environment['os']}"
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    return f"\n{table.as_markdown(measured['results'])}\n\nMeasured on {where}; {versions}.\n"


def main(
    results: str,
    readme: str = str(ROOT / "README.md"),
    page: str = str(ROOT / "docs" / "benchmarks.md"),
) -> None:
    """Update both files, or neither."""
    measured = json.loads(Path(results).read_text(encoding="utf-8"))
    sections = {readme: headlines(measured["results"]), page: everything(measured)}
    texts = {
        path: replaced(Path(path).read_text(encoding="utf-8"), section)
        for path, section in sections.items()
    }
    for path, text in texts.items():
        Path(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
