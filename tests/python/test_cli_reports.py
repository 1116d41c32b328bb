"""`ptpd-monitor report` and `ptpd-monitor compare`."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cli_support import VARIABLE, environment, run, write_history
from ptpd_monitoring import cli

NOON = datetime(2026, 11, 22, 12)
DAY = timedelta(days=1)
STEADY = [0.010 + 0.0001 * (k % 7) for k in range(40)]
SLOWER = [1.5 * value for value in STEADY]


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    recorded = {
        NOON - DAY: {"resize": STEADY, "sharpen": SLOWER, "steady": STEADY},
        NOON: {"resize": SLOWER, "sharpen": STEADY, "steady": STEADY, "new": [1.0]},
    }
    path = write_history(tmp_path / "app.db", recorded, session="job-42", errors=2)
    monkeypatch.setenv(VARIABLE, str(path))
    # Whatever is written by mistake is written there.
    monkeypatch.chdir(tmp_path)
    return path


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert cli.main(["report", "--format", "json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_day_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "--date", "2026-11-22")
    assert found["date"] == "2026-11-22"
    assert found["operations"]["resize"]["count"] == 40
    assert found["operations"]["resize"]["mean"] == pytest.approx(sum(SLOWER) / 40)
    assert found["api"]["total_requests"] == 121


def test_a_day_is_that_of_the_zone(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "--date", "2026-11-22", "--tz", "Asia/Tokyo")
    assert found["period"]["start"] == "2026-11-22T00:00:00+09:00"
    assert found["period"]["timezone"] == "Asia/Tokyo"


def test_today_is_reported_unless_a_day_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now()
    path = write_history(tmp_path / "new.db", {now: {"op": [1.0]}})
    found = report(capsys, "--history", str(path))
    # It may have been midnight since.
    assert found["date"] in {now.date().isoformat(), (now + DAY).date().isoformat()}


def test_the_last_while_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now()
    recorded = {now - 2 * DAY: {"old": [1.0]}, now - timedelta(hours=2): {"new": [1.0]}}
    path = write_history(tmp_path / "new.db", recorded)
    named = ["--history", str(path)]
    assert list(report(capsys, "--last", "24h", *named)["operations"]) == ["new"]
    assert sorted(report(capsys, "--last", "7d", *named)["operations"]) == ["new", "old"]
    assert report(capsys, "--period", "1h", *named)["operations"] == {}


def test_a_session_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "--session", "job-42")
    assert found["operations"]["steady"]["count"] == 80
    assert cli.main(["report", "--session", "job-43"]) == 1
    assert capsys.readouterr().err == (
        "ptpd-monitor: there is no session 'job-43' in the history\n"
    )


def test_tables_show_operations_and_endpoints(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--date", "2026-11-22"]) == 0
    said = capsys.readouterr().out
    resize = next(line for line in said.splitlines() if line.startswith("resize"))
    assert resize.split()[:4] == ["resize", "40", "15.4", "ms"]
    assert "Percentiles: histogram, 1.1 %" in said
    endpoint = next(line for line in said.splitlines() if line.startswith("/resize"))
    assert endpoint.split()[:4] == ["/resize", "40", "5.0", "%"]
    assert "121 requests, 8 errors" not in said
    assert "121 requests, 7 errors" in said


def test_a_session_is_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--session", "job-42"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Session job-42\n")
    assert "1.00 s" in next(line for line in said.splitlines() if line.startswith("new"))


def test_a_day_without_anything_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--date", "2020-01-01"]) == 0
    assert "No operation was recorded." in capsys.readouterr().out


def test_names_cannot_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = {datetime.now(): {"a\x1b[2Jb": [1.0], "[red]c": [1.0]}}
    path = write_history(tmp_path / "new.db", recorded)
    # Not of today, which may be another day by now.
    compare = ["compare", "24h", "24h"]
    for command, status in ((["report", "--last", "24h"], 0), (["top"], 0), (compare, 3)):
        assert cli.main([*command, "--history", str(path)]) == status
        captured = capsys.readouterr()
        said = captured.out
        assert "\x1b" not in said + captured.err
        assert "a�[2Jb" in said
        assert "[red]c" in said


@pytest.mark.parametrize("format_", ["html", "md", "json", "csv", "text"])
def test_each_format_goes_to_a_file_by_its_name(
    format_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / f"report.{'txt' if format_ == 'text' else format_}"
    named = ["--date", "2026-11-22"]
    assert cli.main(["report", *named, "--output", str(target)]) == 0
    assert capsys.readouterr().out == ""
    written = target.read_text(encoding="utf-8")
    assert "resize" in written
    assert "\x1b" not in written
    start = {"html": "<!doctype html>", "md": "# ", "json": "{", "csv": "operation,"}
    assert written.lower().startswith(start.get(format_, "2026-11-22"))
    assert sorted(p.suffix for p in tmp_path.iterdir() if p.suffix != ".db") == [target.suffix]
    assert cli.main(["report", *named, "--format", format_]) == 0
    assert capsys.readouterr().out.lower().startswith(start.get(format_, "2026-11-22"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--date", "today", "--last", "7d"], "--date and --last cannot go together"),
        (["--date", "22.11.2026"], "is no day"),
        (["--date", "7d"], "is no day"),
        (["--date", ""], "'' is no day"),
        (["--date", "9999-12-31"], "is too far away: years are those from 1678 to 2261"),
        (["--date", "0001-01-01"], "is too far away: years are those from 1678 to 2261"),
        (["--date", "2262-04-11"], "is too far away"),
        (["--date", "1677-09-21"], "is too far away"),
        (["--period", "2300-01-01..2400-01-01"], "is too far away"),
        (["--last", ""], "'' is no period"),
        (["--session", "\udcff"], "must be text without lone surrogates"),
        (["--session", "job-42", "--tz", "Asia/Tokyo"], "--tz is about days and periods"),
        (["--last", "a week"], "is no period"),
        (["--tz", "Mars/Olympus"], "is no time zone"),
        (["--tz", "../etc"], "is no time zone"),
        (["--tz", "Europe"], "is no time zone"),
        (["--open", "--format", "md"], "--open shows HTML"),
        (["--open", "--output", "report.md"], "--open shows HTML"),
    ],
)
def test_wrong_arguments_are_named(
    wrong: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(Path().iterdir())
    assert cli.main(["report", *wrong]) == 2
    assert said in capsys.readouterr().err
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("day", ["2261-12-31", "1678-01-01"])
def test_the_farthest_days_that_can_be_asked_for_have_their_own_bounds(
    day: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = report(capsys, "--date", day, "--tz", "UTC")
    assert found["period"]["start"] == f"{day}T00:00:00+00:00"


def browser(tmp_path: Path, status: int) -> tuple[dict[str, str], Path]:
    """A browser that notes what it is shown."""
    note = tmp_path / "shown.txt"
    script = tmp_path / "browser.py"
    script.write_text(
        f"import sys\nopen({str(note)!r}, 'w').write(sys.argv[1])\nsys.exit({status})\n"
    )
    return {"BROWSER": f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} %s"}, note


def test_open_writes_html_and_shows_it(tmp_path: Path, path: Path) -> None:
    more, note = browser(tmp_path, 0)
    more |= {VARIABLE: str(path), "TMPDIR": str(tmp_path)}
    done = run("report", "--date", "2026-11-22", "--open", **more)
    assert (done.returncode, done.stderr) == (0, "")
    shown = Path(done.stdout.strip())
    assert note.read_text() == shown.as_uri()
    assert shown.read_text(encoding="utf-8").lower().startswith("<!doctype html>")

    target = tmp_path / "mine.html"
    done = run("report", "--date", "2026-11-22", "--open", "--output", target, **more)
    assert (done.returncode, done.stdout) == (0, f"{target}\n")
    assert note.read_text() == target.as_uri()


def test_open_without_a_browser_names_the_file(tmp_path: Path, path: Path) -> None:
    more, _ = browser(tmp_path, 1)
    target = tmp_path / "mine.html"
    done = run("report", "--open", "--output", target, **more, **{VARIABLE: str(path)}, PATH="")
    assert done.returncode == 1
    assert f"no browser to show {target} in" in done.stderr
    assert target.exists()


def test_something_slower_has_status_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "2026-11-21", "2026-11-22"]) == 1
    lines = capsys.readouterr().out.splitlines()
    verdicts = {
        name: next(line for line in lines if line.startswith(name)).rstrip().rpartition("  ")[2]
        for name in ("resize", "sharpen", "steady")
    }
    assert verdicts == {"resize": "degraded", "sharpen": "improved", "steady": "unchanged"}
    assert "15.5 ms" in next(line for line in lines if line.startswith("resize"))
    assert "1 degraded, 1 improved, 1 unchanged" in lines
    assert "In the second period only: new" in lines


@pytest.mark.parametrize("format_", ["json", "csv", "md", "html"])
def test_the_status_does_not_depend_on_the_format(
    format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    slower = ["compare", "2026-11-21", "2026-11-22", "--format", format_]
    assert cli.main(slower) == 1
    said = capsys.readouterr().out
    assert "degraded" in said
    if format_ == "json":
        assert json.loads(said)["changes"]["resize"]["verdict"] == "degraded"
    if format_ == "csv":
        rows = {row["operation"]: row["verdict"] for row in csv.DictReader(io.StringIO(said))}
        assert rows["resize"] == "degraded"


def test_nothing_slower_has_status_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "2026-11-22", "2026-11-22"]) == 0
    assert "3 unchanged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("thresholds", "verdict"),
    [
        (["--min-change", "60"], "unchanged"),
        (["--min-samples", "41"], "not enough data"),
        (["--significance", "0.01", "--confidence", "0.99"], "degraded"),
    ],
)
def test_thresholds_can_be_given(
    thresholds: list[str], verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = cli.main(["compare", "2026-11-21", "2026-11-22", "--format", "json", *thresholds])
    found = json.loads(capsys.readouterr().out)
    assert found["changes"]["resize"]["verdict"] == verdict
    assert status == {"degraded": 1, "unchanged": 0, "not enough data": 3}[verdict]


@pytest.mark.parametrize("option", ["--min-change", "--significance", "--confidence"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "-1", "one"])
def test_a_threshold_that_is_no_number_within_its_bounds_is_wrong_usage(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", "2026-11-21", "2026-11-22", f"{option}={value}"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"Invalid value for '{option}'" in captured.err
    assert "Traceback" not in captured.err


def test_nothing_to_compare_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "2020-01-01", "2026-11-22"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "ptpd-monitor: there is nothing to compare: no operation and no request was recorded in"
        " 2020-01-01\n"
    )


def test_colours_are_a_matter_of_the_terminal_and_of_no_color(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ptpd_monitoring.cli import written
    from ptpd_monitoring.cli.screen import console

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def shown() -> str:
        screen = Terminal()
        monkeypatch.setattr(written, "console", lambda: console(screen))
        assert cli.main(["compare", "2026-11-21", "2026-11-22"]) == 1
        return screen.getvalue()

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    assert "\x1b[1;31mdegraded" in shown()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in shown()
    assert "degraded" in shown()
    assert "FORCE_COLOR" not in environment()
