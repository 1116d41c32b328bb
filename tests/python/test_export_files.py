"""Exports into files: the old file or the new one, whatever happens meanwhile."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hammer
from ptpd_monitoring import PerformanceMonitor, PerformanceReport

if sys.platform == "win32":
    pytest.skip("signals, modes and mounts are those of POSIX", allow_module_level=True)

LEFTOVERS = ".ptpd-monitoring.*.tmp"
NOBODY = 65_534
SAMPLES = 2_000


def filled(value: float, samples: int = SAMPLES) -> PerformanceMonitor:
    monitor = PerformanceMonitor()
    monitor.record_many("op", [value] * samples, "u")
    return monitor


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def in_a_child(work: Callable[[], None]) -> str:
    """What ``work`` raised in a forked child, where it may give up its rights; empty if nothing."""
    reader, writer = os.pipe()
    child = hammer.fork_beside_threads()
    if child == 0:
        message = ""
        try:
            work()
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        finally:
            os.write(writer, message.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        message = told.read()
    assert os.waitpid(child, 0)[1] == 0
    return message


def without_rights() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that every user can get to."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system with the options given; only root may."""
    place = tmp_path / "mount"
    place.mkdir()
    mounted = []

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("no mount command")
        if done.returncode != 0:
            pytest.skip(f"may not mount: {done.stderr}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(mount: Callable[[str], Path]) -> None:
    place = mount("size=128k")
    path = place / "metrics.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left") as caught:
        filled(1, 20_000).export_metrics("csv", path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_text() == "old"
    assert names_in(place) == ["metrics.csv"]
    filled(1, 10).export_metrics("csv", path)
    assert len(path.read_text().splitlines()) == 11


def test_a_file_system_that_is_read_only_keeps_the_old_file(mount: Callable[[str], Path]) -> None:
    place = mount("size=128k")
    path = place / "metrics.json"
    path.write_text("old")
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    with pytest.raises(OSError, match="Read-only") as caught:
        filled(1).export_metrics(output_path=path)
    assert (caught.value.errno, caught.value.filename) == (errno.EROFS, str(path))
    assert path.read_text() == "old"
    assert names_in(place) == ["metrics.json"]


def test_a_report_on_a_full_device_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with pytest.raises(OSError, match="No space left"):
        PerformanceReport.export_report({"operations": {}}, "json", "/dev/full")


def test_a_folder_that_may_not_be_written_keeps_the_old_file(folder: Path) -> None:
    path = folder / "metrics.json"
    path.write_text("old")
    path.chmod(0o666)
    folder.chmod(0o555)

    def work() -> None:
        without_rights()
        PerformanceMonitor().export_metrics(output_path=path)

    told = in_a_child(work)
    folder.chmod(0o755)
    assert told.startswith("PermissionError")
    assert str(path) in told
    assert path.read_text() == "old"
    assert names_in(folder) == ["metrics.json"]


def test_a_write_protected_file_is_refused_as_opening_it_would_be(folder: Path) -> None:
    path = folder / "metrics.json"
    path.write_text("old")
    path.chmod(0o444)

    def opening() -> None:
        without_rights()
        path.open("w").close()

    def exporting() -> None:
        without_rights()
        PerformanceMonitor().export_metrics(output_path=path)

    refused, told = in_a_child(opening), in_a_child(exporting)
    assert refused.startswith("PermissionError")
    assert told.startswith("PermissionError")
    assert str(path) in told
    assert path.read_text() == "old"
    assert names_in(folder) == ["metrics.json"]


def kill_while_exporting(path: Path, moment: float) -> None:
    """Starts a child that exports two texts in turn, and kills it."""
    monitors = [filled(1), filled(2)]
    ready, begun = os.pipe()

    def export_for_ever() -> None:
        os.write(begun, b"x")
        while True:
            for monitor in monitors:
                monitor.export_metrics("csv", path)

    child = hammer.fork(export_for_ever)
    os.close(begun)
    # Nothing comes from a child that has ended before.
    assert os.read(ready, 1) == b"x"
    # The moment is what is drawn at random: it decides where in an export the child is caught.
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    os.close(ready)


def assert_whole(path: Path) -> None:
    header, *rows = path.read_text().splitlines()
    assert header == "metric_name,value,unit,timestamp,metadata"
    assert len(rows) == SAMPLES, "half of a file"
    assert len({row.split(",")[1] for row in rows}) == 1, "two files in one"


@pytest.mark.parametrize("kills", [100])
def test_whoever_is_killed_while_exporting_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, kills: int
) -> None:
    path = tmp_path / "metrics.csv"
    filled(1).export_metrics("csv", path)
    moments = random.Random(1)
    for _ in range(kills):
        kill_while_exporting(path, moments.uniform(0, 0.02))
        assert_whole(path)
    left = list(tmp_path.glob(LEFTOVERS))
    assert len(names_in(tmp_path)) == len(left) + 1
    assert left, "no export was caught in the middle"
    for leftover in left:
        os.utime(leftover, (0, 0))
    filled(1).export_metrics("csv", path)
    assert names_in(tmp_path) == ["metrics.csv"]


def export_often(path: Path, value: float, rounds: int) -> None:
    monitor = filled(value)
    for _ in range(rounds):
        monitor.export_metrics("csv", path)
        assert_whole(path)


def test_threads_and_processes_that_export_to_one_path_leave_one_of_their_files(
    tmp_path: Path,
) -> None:
    path = tmp_path / "metrics.csv"
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=export_often, args=(path, value, 20)) for value in (1, 2, 3)
    ]
    failures: list[BaseException] = []

    def work(value: float) -> None:
        try:
            export_often(path, value, 20)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(value,)) for value in (4, 5, 6)]
    for worker in [*processes, *threads]:
        worker.start()
    for worker in [*processes, *threads]:
        worker.join()
    assert not failures
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert_whole(path)
    assert names_in(tmp_path) == ["metrics.csv"]
