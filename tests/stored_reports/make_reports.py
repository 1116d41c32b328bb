"""Writes all reports of the stored histories, as the installed code makes them.

    python tests/stored_reports/make_reports.py FOLDER [NAME ...]   write them into a folder
    python tests/stored_reports/make_reports.py --renew [NAME ...]  store them as what is expected

Two builds are compared by two folders and ``diff -r``. For each history, or programs without one in
``in_process.py``, there is a folder for each time zone. In it there is a folder for each report, with

- the dict as JSON, with its types and the order of its keys, in ``dict.json``
- what ``export_report`` makes of it, in ``report.json``, ``.csv``, ``.md`` and ``.html``
- what a notebook shows, in ``notebook.html``

and ``commands`` with what ``ptpd-monitor`` says. A page has its texts and tables beside it, in a
``.txt``. What is expected is all of that but the pages themselves, whose charts are drawn by the
coordinate. The only things that are not left as they were made are the folder of the history, the
version of the package, and the process and host of what is recorded by the script itself.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import importlib.metadata
import io
import json
import logging
import lzma
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cases import CASES, Case, Period
from page_text import page_text

HERE = Path(__file__).resolve().parent
HISTORIES = HERE / "histories"
EXPECTED = HERE / "expected"

# Columns of a terminal; 0 is a pipe, which has no end.
WIDTHS = (0, 100, 60)
FORMATS = ("json", "csv", "md", "html")
# By other thresholds than the usual ones.
LENIENT = {
    "confidence": 0.8,
    "significance": 0.2,
    "min_change": 1.0,
    "min_samples": 3,
    "adjust": False,
}


class Output:
    """Takes the files of one history in one zone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Texts that are others in each run or release, and what stands for them.
        self.stand_ins: dict[str, str] = {}

    def text(self, name: str, text: str) -> None:
        """Write a text, and beside a page what can be read on it."""
        text = self.without_what_varies(text)
        path = self.folder / name
        if path.exists():
            raise ValueError(f"{name} is written twice")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
        if path.suffix == ".html":
            # In a page a path may be escaped.
            seen = self.without_what_varies(page_text(text))
            path.with_suffix(".txt").write_bytes(seen.encode("utf-8"))

    def without_what_varies(self, text: str) -> str:
        for found, stand_in in self.stand_ins.items():
            text = text.replace(found, stand_in)
        return text

    def json(self, name: str, value: Any) -> None:
        """Write what Python holds, as it is: infinite numbers, types, and the order of keys."""
        self.text(f"{name}.json", json.dumps(value, indent=1, ensure_ascii=False, default=shown))

    def report(self, name: str, report: Any, *, thoroughly: bool = False) -> None:
        """Write a report in all the ways that there are to see it."""
        from ptpd_monitoring import PerformanceReport

        export = PerformanceReport.export_report
        self.json(f"{name}/dict", report)
        for format_ in FORMATS:
            self.text(f"{name}/report.{format_}", export(report, format_))
        self.text(f"{name}/notebook.html", report._repr_html_())
        if not thoroughly:
            return
        for times in ("offset", "utc"):
            for format_ in FORMATS:
                self.text(f"{name}/{times}.{format_}", export(report, format_, times=times))
        self.text(f"{name}/formulas.csv", export(report, "csv", neutralize_formulas=False))
        # What somebody reads back from a file, and adds something to, has no charts.
        saved = json.loads(export(report)) | {
            "prints": [{"paper": "Arches | Platine", "dmax": 1.5}, {"paper": None}],
            "note": "<i>by hand</i>",
        }
        for format_ in FORMATS:
            self.text(f"{name}/saved.{format_}", export(saved, format_))


def shown(value: Any) -> Any:
    """What JSON has no form for: times and paths."""
    if isinstance(value, datetime):
        return f"{type(value).__name__} {value.isoformat()}"
    if isinstance(value, Path):
        return f"path {value}"
    if hasattr(value, "model_dump"):
        return value.model_dump()
    raise TypeError(f"{value!r} has no form")


def file_name(text: str) -> str:
    """A text as a name that any file system takes."""
    return re.sub(r"[^\w.,=+-]+", " ", text, flags=re.ASCII).strip() or "-"


# Reports by the library.


class Machine:
    """What a resource monitor says of a machine that is nearly full."""

    cpu_threshold, memory_threshold, disk_threshold = 75.0, 80.0, 90.0

    def check_resources(self) -> Any:
        from ptpd_monitoring import ResourceUsage

        return ResourceUsage(
            cpu_percent=97.25,
            memory_percent=81.5,
            memory_used_mb=13_352.0,
            memory_available_mb=3_032.0,
            disk_percent=90.0,
            disk_used_gb=450.0,
            disk_free_gb=50.0,
            gpu_percent=12.0,
            timestamp=datetime(2026, 6, 15, 12, 30),
        )

    def get_alerts_for_high_usage(self) -> list[dict[str, Any]]:
        return [
            {
                "resource": "cpu",
                "usage": 97.25,
                "threshold": 75.0,
                "severity": "critical",
                "message": "CPU usage at 97.2%",
            },
            {
                "resource": "memory",
                "usage": 81.5,
                "threshold": 80.0,
                "severity": "warning",
                "message": "Memory usage at 81.5%",
            },
        ]


def some_cache() -> Any:
    """A cache that was of some use."""
    from ptpd_monitoring import CacheManager

    cache = CacheManager(max_size=3, max_bytes=1_000, weigher=lambda _key, value: value)
    for number in range(5):
        cache.set(number, 100 + number)
    for number in range(1, 6):
        cache.get(number)
    cache.set("too heavy", 2_000)
    return cache


def moments(period: Period) -> tuple[datetime, datetime]:
    return (datetime.fromisoformat(period[0]), datetime.fromisoformat(period[1]))


def text_of(period: Period) -> str:
    return "..".join(period)


def library(case: Case, path: Path, output: Output, *, is_first: bool) -> None:
    """Write what the library says of a history."""
    from ptpd_monitoring import (
        APIPerformanceTracker,
        History,
        PerformanceMonitor,
        PerformanceReport,
    )

    history = History(path, record=False)
    monitor = PerformanceMonitor(history=history)
    tracker = APIPerformanceTracker(history=history)
    reports = PerformanceReport(monitor, tracker)
    periods(case, reports, output, is_first=is_first)
    comparisons(case, reports, output, is_first=is_first)
    if is_first:
        whole = PerformanceReport(monitor, tracker, Machine(), cache=some_cache())
        parts(case, PerformanceReport(monitor), whole, output)
    for resolution in ("minutes", "hours"):
        output.json(f"rows of {resolution}", list(history.rows(resolution, moments(case.rows))))
    output.json("info", history.info())
    output.json("faults", history.check())
    for minutes in (5, 240):
        output.json(f"recent {minutes}", history.recent(minutes))
    output.text("history notebook.html", history._repr_html_())
    output.text("monitor notebook.html", monitor._repr_html_())
    history.close()


def periods(case: Case, reports: Any, output: Output, *, is_first: bool) -> None:
    """Days, periods and sessions."""
    for number, day in enumerate(case.days):
        asked = date.fromisoformat(day)
        thoroughly = is_first and number == 0
        output.report(f"day {day}", reports.generate_daily_report(asked), thoroughly=thoroughly)
        if is_first:
            elsewhere = reports.generate_daily_report(asked, tz=case.elsewhere)
            output.report(f"day {day} in {file_name(case.elsewhere)}", elsewhere)
    for period in case.periods:
        found = reports.generate_period_report(moments(period))
        output.report(f"period {file_name(text_of(period))}", found)
    for number, session in enumerate(case.sessions):
        found = reports.generate_session_report(session)
        thoroughly = is_first and number == 0
        output.report(f"session {file_name(session)}", found, thoroughly=thoroughly)


def comparisons(case: Case, reports: Any, output: Output, *, is_first: bool) -> None:
    """Comparisons of periods, sessions and releases."""
    for number, (before, after) in enumerate(case.comparisons):
        name = f"comparison {file_name(text_of(before))} and {file_name(text_of(after))}"
        both = (moments(before), moments(after))
        thoroughly = is_first and number == 0
        output.report(name, reports.compare_performance(*both), thoroughly=thoroughly)
        if is_first:
            output.report(f"{name}, lenient", reports.compare_performance(*both, **LENIENT))
    for one, other in zip(case.sessions[:1], case.sessions[1:2], strict=False):
        output.report("comparison of sessions", reports.compare_sessions(one, other))
    for versions in case.versions:
        name = f"versions {file_name(' and '.join(versions))}"
        try:
            output.report(name, reports.compare_versions(*versions))
        except ValueError as error:
            output.text(f"{name}.txt", f"{type(error).__name__}: {error}\n")


def parts(case: Case, operations: Any, whole: Any, output: Output) -> None:
    """Reports of operations alone, and with a machine and a cache."""
    day = date.fromisoformat(case.days[0])
    output.report(f"day {day} of operations", operations.generate_daily_report(day))
    output.report(f"day {day} with resources and cache", whole.generate_daily_report(day))
    if case.comparisons:
        both = map(moments, case.comparisons[0])
        output.report("comparison of operations", operations.compare_performance(*both))


# Reports by the command line.


class Terminal(io.TextIOWrapper):
    """Standard output: a pipe, or a terminal that shows no colours."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n")
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def said(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("utf-8")


def command(arguments: Sequence[str], width: int = 0) -> str:
    """What a command line says, on what, and how it ends."""
    from ptpd_monitoring import cli

    out, err = (Terminal(is_terminal=bool(width)) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        os.environ["COLUMNS"] = str(width or 80)
        try:
            ended = f"status {cli.main(list(arguments))}"
        except Exception as error:
            # One command must not hide what others say.
            ended = f"raised {type(error).__name__}: {error}"
    said = f"$ ptpd-monitor {shlex.join(arguments)}\n{out.said()}"
    if err.said():
        said += f"standard error:\n{err.said()}"
    return f"{said}{ended}\n"


def commands(case: Case, output: Output, *, is_first: bool) -> None:
    """Write what the command line says of a history, which the environment names."""
    day, *other_days = case.days
    asked: list[tuple[Sequence[str], Iterable[int]]] = [
        (("report", "--date", day), WIDTHS),
        (("top", "--once"), (0, 44) if is_first else (0,)),
        (("history", "info"), (0,)),
    ]
    asked += [(("report", "--date", other), (0,)) for other in other_days]
    asked += [(("report", "--period", text_of(period)), (0,)) for period in case.periods]
    asked += [
        (("compare", text_of(before), text_of(after)), WIDTHS if is_first else (0,))
        for before, after in case.comparisons
    ]
    if is_first:
        asked += [
            (("report", "--date", day, "--tz", case.elsewhere), (100,)),
            *((("report", "--session", one), WIDTHS) for one in case.sessions[:1]),
            *((("report", "--session", one), (0,)) for one in case.sessions[1:]),
            *((("compare", *(f"version:{one}" for one in two)), (0, 100)) for two in case.versions),
            (("history", "info", "--json"), (0,)),
            (("history", "info", "--times", "offset"), (0,)),
            *((one, (0,)) for one in case.commands),
        ]
    for arguments, widths in asked:
        for width in widths:
            columns = f" ({width} columns)" if width else ""
            name = file_name(" ".join(arguments).replace("--", ""))
            output.text(f"commands/{name}{columns}.txt", command(arguments, width))
    files: list[Sequence[str]] = [("report", "--date", day)]
    if is_first:
        files += [
            *(("compare", text_of(one), text_of(other)) for one, other in case.comparisons[:1]),
            *(("report", "--session", session) for session in case.sessions[:1]),
        ]
    for arguments in files:
        for format_ in (*FORMATS, "txt"):
            written(arguments, format_, output)
    rows = text_of(case.rows)
    written(("history", "export", "--period", rows), "csv", output)
    written(("history", "export", "--period", rows, "--hours"), "jsonl", output)
    if is_first:
        local = ("--times", "local", "--keep-formulas")
        written(("history", "export", "--period", rows, "--hours", *local), "csv", output)
        if case.parquet:
            parquet(rows, output)


def written(arguments: Sequence[str], suffix: str, output: Output) -> None:
    """Write what a command writes into a file."""
    path = Path(f"written.{suffix}")
    ended = command([*arguments, "--output", str(path)])
    if not ended.endswith("\nstatus 0\n") or ended.count("\n") != 2:
        name = file_name(" ".join([*arguments, "output", suffix]).replace("--", ""))
        output.text(f"commands/{name}.txt", ended)
    if path.exists():
        name = file_name(" ".join(arguments).replace("--", ""))
        text = path.read_bytes().decode("utf-8")
        # A text beside a page is the page's.
        output.text(f"commands/{name}, as {'text' if suffix == 'txt' else suffix}.{suffix}", text)
        path.unlink()


def parquet(rows: str, output: Output) -> None:
    """Write the rows of a Parquet file, for which pyarrow is needed."""
    from pyarrow.parquet import read_table

    path = Path("written.parquet")
    arguments = ("history", "export", "--period", rows, "--output", str(path))
    ended = command(arguments)
    if not path.exists():
        output.text("commands/parquet.txt", ended)
        return
    table = read_table(path)
    schema = "".join(f"{field.name}: {field.type}\n" for field in table.schema)
    output.text("commands/parquet.txt", ended + schema)
    output.json("commands/parquet", table.to_pylist())
    path.unlink()


# One history in one zone, in a process of its own.


class Configuration:
    """What the plugin for pytest wants to be told by, to have staged clocks count."""

    def add_cleanup(self, _undo: Callable[[], None]) -> None:
        """Nothing is undone: the process ends."""


def make(name: str, zone: str, folder: Path) -> None:
    """Write all reports of a history in a zone, which TZ names, at a moment that stands still."""
    from ptpd_monitoring import swap

    assert os.environ["TZ"] == zone, zone
    logging.getLogger("ptpd_calibration.monitoring").addHandler(logging.NullHandler())
    swap.pytest_load_initial_conftests(early_config=Configuration())
    import in_process

    output = Output(folder.resolve())
    release = importlib.metadata.version("ptpd-monitoring")
    output.stand_ins[f"ptpd-monitoring {release}"] = "ptpd-monitoring (release)"
    programs = in_process.PROGRAMS
    with tempfile.TemporaryDirectory(prefix="stored_reports_") as temporary:
        place = Path(temporary).resolve()
        for text in (str(place), json.dumps(str(place))[1:-1]):
            output.stand_ins[text] = "(folder)"
        os.chdir(place)
        try:
            with stopped(in_process.NOW if name in programs else CASES[name].now):
                # One that is given with a zone would be told in that one.
                assert os.environ["TZ"] == zone, os.environ["TZ"]
                if name in programs:
                    programs[name](output, place)
                else:
                    of_history(name, place, output, is_first=zone == CASES[name].zones[0])
        finally:
            os.chdir(HERE)


def stopped(moment: datetime) -> Any:
    """Have Python's clocks stand still."""
    # Otherwise it loads all of pytest, for a fixture.
    sys.modules["pytest"] = None
    import time_machine

    del sys.modules["pytest"]
    return time_machine.travel(moment.timestamp(), tick=False)


def of_history(name: str, place: Path, output: Output, *, is_first: bool) -> None:
    """Write all reports of a stored history, from a copy of it."""
    unpack(name, place)
    path = place / f"{name}.db"
    os.environ["PTPD_MONITORING_HISTORY"] = str(path)
    library(CASES[name], path, output, is_first=is_first)
    commands(CASES[name], output, is_first=is_first)


def unpack(name: str, folder: Path) -> None:
    """Put a stored history into a folder, with what is in the log beside it."""
    packed = list(HISTORIES.glob(f"{name}.db*.xz"))
    if not packed:
        raise FileNotFoundError(f"there is no history {name}")
    for path in packed:
        (folder / path.stem).write_bytes(lzma.decompress(path.read_bytes()))


def environment(zone: str) -> dict[str, str]:
    """Nothing that would change a report, but the zone."""
    dropped = ("PTPD_", "_PTPD", "PYTEST", "LC_", "LANG", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "UNICODE_VERSION"):
        kept.pop(name, None)
    return kept | {"TZ": zone, "PYTHONUTF8": "1", "TERM": "dumb", "LINES": "40", "COLUMNS": "80"}


def zones_of(name: str) -> tuple[str, ...]:
    import in_process

    return CASES[name].zones if name in CASES else in_process.ZONES[name]


def all_names() -> list[str]:
    import in_process

    return [*CASES, *in_process.PROGRAMS]


def make_all(name: str, folder: Path) -> None:
    """Write all reports of a history, in each of its zones."""

    def make_in(zone: str) -> None:
        target = folder / name / zone.replace("/", "-")
        target.mkdir(parents=True)
        done = subprocess.run(
            [sys.executable, __file__, "--make", name, zone, str(target)],
            env=environment(zone),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        if done.returncode != 0 or done.stdout:
            raise RuntimeError(f"reports of {name} in {zone}: {done.returncode}\n{done.stdout}")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make_in, zones_of(name)))


# What is stored.


def stored_files(folder: Path) -> dict[str, str]:
    """The files of a history that are stored, by their names: all but pages."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".html"
    }


def expected_files(name: str) -> dict[str, str]:
    """What was stored of a history, by the names of its files."""
    found = {}
    with tarfile.open(EXPECTED / f"{name}.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None, member.name
            found[member.name] = file.read().decode("utf-8")
    return found


def store(name: str, files: Mapping[str, str]) -> None:
    """Store files, so that the same ones make the same archive."""
    EXPECTED.mkdir(exist_ok=True)
    with tarfile.open(
        EXPECTED / f"{name}.tar.xz", "w:xz", preset=9 | lzma.PRESET_EXTREME
    ) as archive:
        # Those of one kind beside each other, as they have most in common.
        for path in sorted(files, key=lambda it: (Path(it).suffix, Path(it).name, it)):
            content = files[path].encode("utf-8")
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--renew", action="store_true", help="store them as what is expected")
    parser.add_argument("--make", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="FOLDER NAME")
    options = parser.parse_args()
    if options.make is not None:
        name, zone, folder = options.make
        make(name, zone, Path(folder))
        return
    names = list(options.names)
    if not options.renew and not names:
        parser.error("name a folder to write to, or --renew")
    with tempfile.TemporaryDirectory(prefix="stored_reports_") as temporary:
        folder = Path(temporary) if options.renew else Path(names.pop(0))
        if folder.exists() and any(folder.iterdir()):
            parser.error(f"{folder} is not empty")
        names = names or all_names()
        if unknown := set(names) - set(all_names()):
            parser.error(f"there is no history {', '.join(sorted(unknown))}")
        for name in names:
            make_all(name, folder)
        if options.renew:
            for name in names:
                store(name, stored_files(folder / name))


if __name__ == "__main__":
    main()
