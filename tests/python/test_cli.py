"""The command line as a whole: helps, errors, statuses, colours, and what it needs."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from cli_support import VARIABLE, environment, run, write_history
from ptpd_monitoring import cli

NOON = datetime(2026, 11, 22, 12)
COMMANDS = [
    ["report"],
    ["compare"],
    ["top"],
    ["history"],
    ["history", "info"],
    ["history", "check"],
    ["history", "fold"],
    ["history", "vacuum"],
    ["history", "export"],
    ["bench"],
    ["demo"],
    ["completion"],
]
READING = [
    ["report"],
    ["compare", "yesterday", "today"],
    ["top"],
    ["history", "info"],
    ["history", "check"],
    ["history", "fold", "--retention-days", "30"],
    ["history", "vacuum"],
    ["history", "export"],
]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VARIABLE, "PTPD_MONITORING_RETENTION_DAYS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_history(tmp_path / "app.db", {NOON: {"resize": [0.01, 0.02, 0.03]}})


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_every_help_has_examples_of_that_command_and_fits_a_terminal(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([*command, "--help"]) == 0
    said = capsys.readouterr().out
    examples = said.partition("Examples:\n")[2]
    assert " ".join(["  ptpd-monitor", *command]) in examples
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("command", ["report", "compare", "history export"])
def test_the_forms_of_a_period_are_in_the_help(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    said = capsys.readouterr().out
    for form in ("today", "2026-11-22", "7d", "2026-11-01..2026-11-08", "14d..7d"):
        assert form in said


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_history_that_is_not_there_is_one_line_and_is_not_made(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "no.db"
    assert cli.main([*command, "--history", str(missing)]) == 2
    assert capsys.readouterr().err == f"ptpd-monitor: there is no history {missing}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize("named", [None, "", " "])
def test_no_history_named_is_one_line_that_says_how_to_name_it(
    command: list[str],
    named: str | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if named is not None:
        monkeypatch.setenv(VARIABLE, named)
    assert cli.main(command) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--history FILE" in said
    assert VARIABLE in said


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize("blank", ["", " "])
def test_a_history_named_by_nothing_is_none(
    command: list[str],
    blank: str,
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, str(path))
    assert cli.main([*command, "--history", blank]) == 2
    said = capsys.readouterr().err
    assert said == (f"ptpd-monitor: no history is named: give --history FILE, or set {VARIABLE}\n")


def test_a_misspelt_variable_is_told_where_no_history_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PTPD_MONITORING_HISTROY", "history.db")
    assert cli.main(["history", "info"]) == 2
    assert "(PTPD_MONITORING_HISTROY, which is set, is not read)" in capsys.readouterr().err


def test_the_home_in_a_variable_is_found(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv(VARIABLE, f"~/{path.name}")
    assert cli.main(["history", "info"]) == 0
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_is_no_history_is_one_line_and_stays_as_it_is(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no database at all, and longer than a header of one " * 4)
    before = other.read_bytes()
    assert cli.main([*command, "--history", str(other)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"history {other} is not a history" in captured.err
    assert other.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_folder_is_no_history(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command, "--history", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"ptpd-monitor: {tmp_path} is not a file\n"


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_file_that_no_program_has_recorded_to_yet_is_an_empty_history(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "new.db"
    empty.touch()
    nothing_to_compare = command[0] == "compare"
    assert cli.main([*command, "--history", str(empty)]) == int(nothing_to_compare)
    assert bool(capsys.readouterr().err) == nothing_to_compare
    assert [entry.name for entry in tmp_path.iterdir()] == ["new.db"]
    assert empty.read_bytes() == b""


def test_the_history_can_be_named_by_the_environment(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(path))
    assert cli.main(["history", "check"]) == 0
    assert capsys.readouterr().out == f"{path}: in order\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["report", "--nonsense"],
        ["report", "--format", "pdf"],
        ["compare", "today"],
        ["history", "fold", "--retention-days", "0"],
        ["top", "--interval", "0"],
        ["top", "--interval", "nan"],
        ["top", "--interval", "inf"],
        ["top", "--interval", "1e10"],
        ["bench", "--rounds", "0"],
        ["completion", "tcsh"],
        [],
    ],
)
def test_wrong_usage_has_status_two(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(wrong) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage: ptpd-monitor" in captured.err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert re.fullmatch(r"ptpd-monitor \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(("command", "extra"), [("report", "cli"), ("demo", "demo")])
def test_without_click_one_line_says_what_to_install(
    command: str,
    extra: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "click", None)
    assert cli.main([command]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "click" in said
    assert f"pip install 'ptpd-monitoring[{extra}]'" in said


@pytest.mark.parametrize("command", [["report"], ["top"], ["bench", "--rounds", "1"]], ids=" ".join)
def test_without_rich_one_line_says_what_to_install(
    command: list[str],
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setitem(sys.modules, "rich", None)
    assert cli.main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "pip install 'ptpd-monitoring[cli]'" in captured.err


def test_formats_for_programs_need_no_rich(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    named = ["--history", str(path)]
    assert cli.main(["report", "--date", "2026-11-22", "--format", "json", *named]) == 0
    assert cli.main(["history", "info", *named]) == 0
    assert cli.main(["history", "export", *named]) == 0
    assert capsys.readouterr().err == ""


def test_the_entry_point_imports_nothing_of_the_extra() -> None:
    code = "import sys, ptpd_monitoring.cli; print({'click', 'rich'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert said.stdout == "set()\n"


PRINTING = [
    ["report", "--date", "2026-11-22"],
    ["compare", "2026-11-22", "2026-11-22"],
    ["top"],
    ["history", "info"],
    ["bench", "--rounds", "1"],
]


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_nothing_is_coloured_in_a_pipe(command: list[str], path: Path) -> None:
    done = run(*command, **{VARIABLE: str(path)})
    # There is little to judge, which is said.
    undecided = command[0] == "compare"
    assert (done.returncode, done.stderr.count("\n")) == ((3, 1) if undecided else (0, 0))
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr


def test_a_pipe_that_nobody_reads_any_more_ends_it_without_a_word(path: Path) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-m", "ptpd_monitoring.cli", "history", "export", "--history", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.close()
    assert reader.stderr.read() == b""
    reader.stderr.close()
    assert reader.wait(60) == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_made(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_PTPD_MONITOR_COMPLETE" in script
    assert f"{shell}_complete" in script


def test_the_script_completes_commands_and_options() -> None:
    def completed(words: str, place: int) -> list[str]:
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(place)}
        done = run(_PTPD_MONITOR_COMPLETE="bash_complete", **asked)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("ptpd-monitor re", 1) == ["report"]
    assert completed("ptpd-monitor history ", 2) == [
        "backup",
        "check",
        "export",
        "fold",
        "info",
        "vacuum",
    ]
    assert "--session" in completed("ptpd-monitor report --s", 2)
    assert completed("ptpd-monitor report --format m", 3) == ["md"]
