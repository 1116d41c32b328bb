"""What commands write to: files, links, devices and pipes, and standard output of any encoding."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from cli_support import VARIABLE, environment, run, write_history
from hammer import fork_beside_threads
from ptpd_monitoring import cli
from ptpd_monitoring.cli.files import replacing

if sys.platform == "win32":
    pytest.skip("links, modes and pipes are those of POSIX", allow_module_level=True)

NOON = datetime(2026, 11, 22, 12)
LEFTOVERS = ".ptpd-monitoring.*.tmp"
TEXTS = {
    "text": ["report", "--date", "2026-11-22", "--format", "text"],
    "json": ["report", "--date", "2026-11-22", "--format", "json"],
    "comparison": ["compare", "2026-11-22", "2026-11-22", "--format", "text"],
    "csv": ["history", "export", "--format", "csv"],
    "jsonl": ["history", "export", "--format", "jsonl"],
}
OUTPUTS = {**TEXTS, "parquet": ["history", "export", "--format", "parquet"]}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return write_history(tmp_path / "app.db", {NOON: {"résumé": [0.01] * 20}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(params=OUTPUTS)
def write(request: pytest.FixtureRequest, history: Path) -> Callable[[Path], int]:
    """One of the commands that write, run with an output."""
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    command = [*OUTPUTS[request.param], "--history", str(history), "--output"]
    return lambda output: cli.main([*command, str(output)])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_stays_and_what_it_points_to_is_replaced(
    write: Callable[[Path], int], folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    link = folder / "link"
    link.symlink_to(target)
    assert write(link) == 0
    assert link.is_symlink()
    assert len(target.read_bytes()) > 100
    assert names_in(folder) == ["link"]


def test_the_old_files_permissions_stay(write: Callable[[Path], int], folder: Path) -> None:
    target = folder / "private"
    target.write_text("old")
    target.chmod(0o600)
    assert write(target) == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert len(target.read_bytes()) > 100


def test_a_file_of_the_users_own_beside_it_is_not_touched(
    write: Callable[[Path], int], folder: Path
) -> None:
    own = folder / "rows.part"
    own.write_text("mine")
    assert write(folder / "rows") == 0
    assert own.read_text() == "mine"
    assert names_in(folder) == ["rows", "rows.part"]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_pipe_is_written_to_and_stays_one(kind: str, history: Path, folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    # What is written fits into the pipe, so that nobody waits.
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        assert cli.main([*TEXTS[kind], "--history", str(history), "--output", str(pipe)]) == 0
        read = reader.read()
    assert "résumé".encode() in read or rb"r\u00e9sum\u00e9" in read
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names_in(folder) == ["pipe"]


def test_a_full_device_is_one_line_that_names_the_output(
    write: Callable[[Path], int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("no /dev/full")
    # A link, so that nothing but it could be replaced.
    link = folder / "full"
    link.symlink_to("/dev/full")
    assert write(link) == 2
    said = capsys.readouterr().err
    assert said == f"ptpd-monitor: {link}: No space left on device\n"
    assert link.readlink() == Path("/dev/full")
    assert Path("/dev/full").is_char_device()


def test_a_folder_that_is_not_there_is_one_line_that_names_the_output(
    write: Callable[[Path], int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = folder / "missing" / "rows"
    assert write(target) == 2
    assert capsys.readouterr().err == f"ptpd-monitor: {target}: No such file or directory\n"


def test_the_history_is_never_the_output(
    write: Callable[[Path], int],
    history: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    link = folder / "link"
    link.symlink_to(history)
    before = history.read_bytes()
    for output in (history, link):
        assert write(output) == 2
        assert capsys.readouterr().err == f"ptpd-monitor: {output} is the history itself\n"
    assert history.read_bytes() == before


def test_two_that_write_to_one_path_at_once_do_not_mix(folder: Path) -> None:
    target = folder / "rows"
    with replacing(target) as first:
        first.write_text("first, ")
        with replacing(target) as second:
            assert first != second
            second.write_text("second, whole")
        assert target.read_text() == "second, whole"
        with first.open("a") as file:
            file.write("whole")
    assert target.read_text() == "first, whole"
    assert names_in(folder) == ["rows"]


def killed_in_the_middle(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command in a child that is killed once half of the rows are on the disk."""
    from ptpd_monitoring.cli import history

    def half(_rows: object, _format: str, path: Path, **_more: object) -> None:
        path.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(history, "write_rows", half)
    child = fork_beside_threads()
    if child == 0:
        try:
            cli.main(command)
        finally:
            os._exit(1)
    monkeypatch.undo()
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_an_export_that_is_killed_leaves_the_old_file_and_the_next_one_tidies_up(
    history: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / "rows.csv"
    target.write_text("old")
    command = ["history", "export", "--history", str(history), "--output", str(target)]
    killed_in_the_middle(command, monkeypatch)
    assert target.read_text() == "old"
    (left,) = folder.glob(LEFTOVERS)
    assert left.read_text() == "half"
    os.utime(left, (0, 0))
    assert cli.main(command) == 0
    assert target.read_text().startswith("start,")
    assert names_in(folder) == ["rows.csv"]


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_standard_output_of_any_encoding_is_written_to(
    kind: str, encoding: str, tmp_path: Path
) -> None:
    path = write_history(tmp_path / "new.db", {NOON: {"日本 résumé": [1e-5] * 20}})
    target = tmp_path / "out"
    narrow = {VARIABLE: str(path), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    with target.open("wb") as stdout:
        done = run(*TEXTS[kind], stdout=stdout, **narrow)
    assert (done.returncode, done.stderr) == (0, "")
    if kind in ("text", "comparison"):
        assert "sum" in target.read_bytes().decode(encoding)
    else:
        written = target.read_bytes().decode("utf-8")
        assert "日本 résumé" in written or r"\u65e5\u672c r\u00e9sum\u00e9" in written


def run_closed(*command: object, close: str = ">&-") -> subprocess.CompletedProcess[str]:
    """Run a command line with standard streams closed, as a shell and some daemons do it."""
    program = [sys.executable, "-m", "ptpd_monitoring.cli", *map(str, command)]
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {close}', "sh", *program],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_goes_to_a_file_needs_no_standard_output(
    kind: str, history: Path, folder: Path
) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    target = folder / "out"
    done = run_closed(*OUTPUTS[kind], "--history", history, "--output", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(target.read_bytes()) > 100
    assert names_in(folder) == ["out"]


@pytest.mark.parametrize(
    "command",
    [
        *TEXTS.values(),
        ["history", "export", "--hours"],
        ["history", "info"],
        ["history", "check"],
        ["top"],
        ["--version"],
        ["report", "--help"],
    ],
    ids=" ".join,
)
def test_what_goes_to_standard_output_cannot_where_that_is_closed(
    command: list[str], history: Path
) -> None:
    where = [] if command[-1] in {"--version", "--help"} else ["--history", history]
    done = run_closed(*command, *where)
    assert done.returncode == 2
    assert done.stderr == "ptpd-monitor: standard output is closed\n"


@pytest.mark.parametrize("close", ["2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("wrong", [["no.db"], ["no.db", "--nonsense"]], ids=" ".join)
def test_a_failure_has_its_status_where_nobody_is_to_be_told(close: str, wrong: list[str]) -> None:
    done = run_closed("compare", "yesterday", "today", "--history", *wrong, close=close)
    assert (done.returncode, done.stderr) == (2, "")


def test_a_path_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    path = write_history(tmp_path / "new.db", {NOON: {"op": [1.0]}})
    odd = path.rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db"))
    for command in (["history", "info"], ["history", "check"], ["top"]):
        done = run(*command, "--history", odd)
        assert (done.returncode, done.stderr) == (0, "")
        assert ".db" in done.stdout
