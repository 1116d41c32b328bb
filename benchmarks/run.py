"""Measure the module beside its peers: ``python -m benchmarks.run``."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import (
    cache,
    environment,
    exports,
    history,
    imports,
    memory,
    profiling,
    record,
    requests,
    resources,
    summaries,
    table,
    threads,
    timers,
)
from .harness import QUICK, Settings
from .rows import Work

AREAS: tuple[Sequence[Work], ...] = (
    timers.WORKS,
    record.WORKS,
    requests.WORKS,
    cache.WORKS,
    summaries.WORKS,
    exports.WORKS,
    resources.WORKS,
    profiling.WORKS,
    memory.WORKS,
    imports.WORKS,
    threads.WORKS,
    history.WORKS,
)


def works(only: Sequence[str] = ()) -> list[Work]:
    """All works, or those whose area or name holds one of the words."""
    every = [work for area in AREAS for work in area]
    chosen = [
        work
        for work in every
        if not only or any(word == work.area or word in work.name for word in only)
    ]
    if not chosen:
        raise SystemExit(f"no work is called {', '.join(only)}; areas: {', '.join(areas(every))}")
    return chosen


def areas(every: Sequence[Work]) -> list[str]:
    """The areas in order."""
    return list(dict.fromkeys(work.area for work in every))


def report(chosen: Sequence[Work], settings: Settings) -> dict[str, Any]:
    """Measure the works and return what the JSON file holds."""
    load_before = environment.load()
    rows: list[dict[str, Any]] = []
    for work in chosen:
        print(f"measuring {work.name}", file=sys.stderr)
        rows.extend(dataclasses.asdict(result) for result in work.run(settings))
    return {
        "environment": environment.describe(),
        "settings": {"rounds": settings.rounds, "round_ns": settings.round_ns},
        "load_average": {"before": load_before, "after": environment.load()},
        "results": rows,
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    arguments.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="an area, or part of a name"
    )
    arguments.add_argument("--quick", action="store_true", help="few short rounds: a rough look")
    arguments.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = parser().parse_args(arguments)
    measured = report(works(options.only), QUICK if options.quick else Settings())
    for line in table.heading_lines(measured["environment"]):
        print(line)
    load, settings = measured["load_average"], measured["settings"]
    print(
        f"up to {settings['rounds']} rounds of {settings['round_ns'] / 1e6:.0f} ms a contender, "
        f"garbage collector off; load average {load['before']} before, {load['after']} after\n"
    )
    render = table.as_markdown if options.markdown else table.as_text
    print(render(measured["results"]))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
