"""`ptpd-monitor demo` as its user meets it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("PIL")
pytest.importorskip("rich")
pytest.importorskip("skimage")

from PIL import Image as PillowImage
from rich.console import Console

from ptpd_monitoring import History, PerformanceMonitor, PerformanceReport, cli
from ptpd_monitoring.demo import console, pipeline
from ptpd_monitoring.demo.earlier import compare, last_session
from ptpd_monitoring.demo.negative import PrintSize
from ptpd_monitoring.demo.photographs import Photograph, bundled_photographs
from ptpd_monitoring.demo.pipeline import PrintSettings
from ptpd_monitoring.demo.run import DemoObserver, run_demo
from ptpd_monitoring.demo.tables import duration, render_run
from ptpd_monitoring.testing import ManualClock

# Whichever test comes first waits for the demo at full size.
pytestmark = pytest.mark.timeout(900)

SMALL = PrintSettings(size=PrintSize(ppi=40))


class Silent(DemoObserver):
    def __init__(self):
        self.finished_ones, self.skipped_ones = [], []

    def phase(self, title, photographs):
        pass

    def stage(self, text):
        pass

    def finished(self, photograph, seconds, *, cached):
        self.finished_ones.append((photograph.name, cached))

    def skipped(self, photograph, reason):
        self.skipped_ones.append(photograph.name)


class Finished:
    """A run of the command at full size, with one good and one bad photograph of the user's."""

    def __init__(self, folder: Path) -> None:
        photos = folder / "photos"
        photos.mkdir()
        PillowImage.linear_gradient("L").resize((300, 200)).save(photos / "my ramp.jpg")
        (photos / "broken [1].jpg").write_bytes(b"this is no photograph")
        self.output, self.picture = folder / "out", folder / "terminal.svg"
        environment = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
        environment.pop("FORCE_COLOR", None)
        command = [sys.executable, "-m", "ptpd_monitoring.cli", "demo", "--photos", photos]
        command += ["--output", self.output, "--save-terminal", self.picture]
        self.process = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False
        )
        self.report = json.loads((self.output / "report.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return Finished(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    return run_demo(bundled_photographs()[:1], tmp_path_factory.mktemp("small"), SMALL, Silent())


@pytest.fixture(scope="module")
def second_run(small_run):
    class Later(datetime):
        @classmethod
        def now(cls):
            return super().now() + timedelta(seconds=1)

    with pytest.MonkeyPatch.context() as patched:
        # Runs are named by the second.
        patched.setattr(pipeline, "datetime", Later)
        return run_demo(bundled_photographs()[:1], small_run.folder, SMALL, Silent())


def test_the_run_succeeds_and_says_nothing_on_stderr(finished):
    assert finished.process.returncode == 0
    assert finished.process.stderr == ""


def test_output_to_a_pipe_holds_no_control_sequences(finished):
    assert "\x1b" not in finished.process.stdout
    assert "\r" not in finished.process.stdout


def test_an_unreadable_photograph_is_named_when_met_and_again_at_the_end(finished):
    reason = "not an image that Pillow knows"
    lines = [line for line in finished.process.stdout.splitlines() if "broken [1].jpg" in line]
    assert len(lines) == 2
    assert all(reason in line for line in lines)
    assert lines[1].startswith("skipped 1")
    assert [(s["name"], s["reason"]) for s in finished.report["skipped"]] == [
        ("broken [1]", reason)
    ]


def test_every_other_photograph_has_a_sixteen_bit_negative_at_360_ppi(finished):
    found = sorted((finished.output / "negatives").iterdir())
    assert sorted(path.stem for path in found) == sorted(
        [s.name for s in bundled_photographs()] + ["my ramp"]
    )
    for path in found:
        with PillowImage.open(path) as image:
            assert image.mode == "I;16"
            assert image.info["dpi"] == (360, 360)
            assert max(image.size) == 3600 or min(image.size) == 2880


def test_a_negative_is_dark_where_the_photograph_is_light(finished):
    with PillowImage.open(finished.output / "negatives" / "my ramp.tif") as image:
        assert image.size == (3600, 2400)
        top, middle, bottom = (image.getpixel((1800, row)) for row in (20, 1200, 2380))
    assert top > 60000
    assert bottom < 5000
    assert top > middle > bottom


def test_the_report_holds_statistics_session_cache_and_linearity(finished):
    report = finished.report
    count = len(bundled_photographs()) + 1
    assert report["operations"]["sharpen_wall_time"]["count"] == count
    assert report["session"]["session_id"].startswith("demo-")
    assert report["session"]["operations"]["sharpen_wall_time"]["count"] == count
    assert report["cache"]["hits"] == count
    assert (
        report["linearity"]["largest_error_after"]
        < 1.2
        < report["linearity"]["largest_error_before"]
    )
    assert report["resources"]["memory_percent"] > 0
    assert len(report["photographs"]) == count


def test_the_metrics_hold_every_sample(finished):
    with (finished.output / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"metric_name", "value", "unit", "timestamp", "metadata"}
    statistics = finished.report["operations"]
    for name in (
        "detect_tablet_wall_time",
        "write_negative_wall_time",
        "second_pass",
        "negative_size",
    ):
        values = [float(row["value"]) for row in rows if row["metric_name"] == name]
        assert len(values) == statistics[name]["count"]
        assert sum(values) / len(values) == pytest.approx(statistics[name]["mean"])


def test_the_table_shows_the_figures_of_the_report(finished):
    for stage in (
        "detect_tablet",
        "extract_densities",
        "generate_curve",
        "sharpen",
        "make_negative",
    ):
        cells = next(
            re.split(r"\s+", line)
            for line in finished.process.stdout.splitlines()
            if line.startswith(stage)
        )
        statistics = finished.report["operations"][f"{stage}_wall_time"]
        assert int(cells[1]) == statistics["count"]
        for shown, key in zip(cells[2:6], ("mean", "p50", "p95", "p99"), strict=True):
            assert float(shown) == pytest.approx(
                1e3 * statistics[key], abs=0.51 if "." not in shown else 0.051
            )


def test_the_run_ends_by_naming_the_page_that_it_wrote(finished):
    page = finished.output / "report.html"
    said = " ".join(finished.process.stdout.split("to look at")[1].split())
    # A long path may have been folded.
    assert said.replace(" ", "").startswith(str(page).replace(" ", ""))
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert "sharpen_wall_time" in page.read_text(encoding="utf-8")


def test_the_run_is_in_the_history_beside_its_output(finished):
    assert "no earlier run here" in finished.process.stdout
    assert "comparison" not in finished.report
    rows = list(History(finished.output / "history.db", record=False).rows("hours"))
    session = finished.report["session"]
    remembered = {
        name: sum(row["count"] for row in rows if (row["kind"], row["name"]) == ("session", name))
        for name in session["operations"]
    }
    assert remembered == {name: found["count"] for name, found in session["operations"].items()}
    assert {row["session"] for row in rows if row["kind"] == "session"} == {session["session_id"]}


def test_a_second_run_is_compared_with_the_first_one(small_run, second_run):
    assert small_run.comparison is None
    comparison = second_run.comparison
    assert comparison.session_id == small_run.session_id != second_run.session_id
    report = json.loads((second_run.folder / "report.json").read_text())
    assert report["comparison"]["session1"] == small_run.session_id
    assert report["comparison"]["session2"] == second_run.session_id
    counts = {
        name: (found["count"], report["comparison"]["period2"][name]["count"])
        for name, found in report["comparison"]["period1"].items()
    }
    assert counts["detect_tablet_wall_time"] == (6, 6)
    assert counts["sharpen_wall_time"] == (1, 1)
    page = (second_run.folder / "report.html").read_text(encoding="utf-8")
    assert small_run.session_id in page
    shown = Console(file=io.StringIO(), width=100, color_system=None, markup=False)
    shown.print(render_run(second_run, 100))
    said = shown.file.getvalue()
    assert f"with the run before, {small_run.session_id}:" in said
    # Those of which there were five or more with a single photograph.
    assert re.search(rf"no clear change: \d of {comparison.compared} steps", said)


def compared(before, after):
    """A comparison of two runs whose stages took so many seconds."""
    clock = ManualClock(wall=1_800_000_000)
    monitor = PerformanceMonitor(clock=clock)
    for session, stages in (("demo-before", before), ("demo-after", after)):
        with monitor.session(session):
            for stage, values in stages.items():
                monitor.record_many(stage, values, "seconds")
    return compare(PerformanceReport(monitor), "demo-before", "demo-after")


STEADY = [1.0 + 0.01 * k for k in range(9)]


def scaled(factor):
    return [factor * value for value in STEADY]


@pytest.mark.parametrize("width", [80, 100])
def test_the_closing_tables_say_what_got_slower_and_what_faster(small_run, width):
    comparison = compared(
        {
            "slow_wall_time": STEADY,
            "slower_wall_time": STEADY,
            "fast_wall_time": STEADY,
            "same_wall_time": STEADY,
            "rare_wall_time": STEADY[:4],
            "slow_memory": STEADY,
        },
        {
            "slow_wall_time": scaled(1.5),
            "slower_wall_time": scaled(3),
            "fast_wall_time": scaled(0.25),
            "same_wall_time": STEADY,
            "rare_wall_time": scaled(9)[:4],
            "slow_memory": scaled(2),
        },
    )
    shown = Console(file=io.StringIO(), width=width, color_system=None, markup=False)
    shown.print(render_run(dataclasses.replace(small_run, comparison=comparison), width))
    lines = [line.strip() for line in shown.file.getvalue().splitlines()]
    assert "compared     with the run before, demo-before:" in lines
    assert "slower: slower +200%, slow +50%" in lines
    assert "faster: fast -75%" in lines
    assert "no clear change: 1 of 4 steps" in lines
    assert "nothing got slower" not in lines


def test_the_closing_tables_say_that_nothing_got_slower(small_run):
    shown = Console(file=io.StringIO(), width=100, color_system=None, markup=False)
    comparison = compared({"same_wall_time": STEADY}, {"same_wall_time": STEADY})
    shown.print(render_run(dataclasses.replace(small_run, comparison=comparison), 100))
    said = shown.file.getvalue()
    assert "nothing got slower" in said
    assert "slower:" not in said
    assert "faster:" not in said


def test_what_got_slower_is_never_said_to_have_become_shorter():
    # Nine in ten are a little faster, and one takes so long that the mean is higher.
    before = [1.0 + 0.001 * (k % 10) for k in range(2_000)]
    after = [0.99 * value if k % 10 else 5.0 for k, value in enumerate(before)]
    (stage,) = compared({"uneven_wall_time": before}, {"uneven_wall_time": after}).slower
    change = 100 * (sum(after) / sum(before) - 1)
    assert stage.percent == pytest.approx(change)


def test_a_history_that_cannot_be_read_is_no_earlier_run(tmp_path):
    path = tmp_path / "history.db"
    path.write_text("no database at all, and longer than a header of one " * 4)
    assert last_session(History(path, record=False)) is None


def test_the_contact_sheet_and_the_terminal_picture_are_pictures(finished):
    with PillowImage.open(finished.output / "contact-sheet.png") as sheet:
        sheet.load()
        assert sheet.width == 2760
        assert len(sheet.resize((200, 200)).getcolors(40000) or []) > 500
    svg = finished.picture.read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "make_negative" in svg
    assert "@font-face" not in svg


def test_the_second_pass_comes_from_the_cache(tmp_path):
    seen = Silent()
    shots = bundled_photographs()[:2]
    run = run_demo(shots, tmp_path, SMALL, seen)
    names = [shot.name for shot in shots]
    assert seen.finished_ones == [(name, False) for name in names] + [
        (name, True) for name in names
    ]
    assert (run.cache.hits, run.cache.misses) == (2, 2)
    assert next(stage for stage in run.stages if stage.name == "sharpen").count == 2
    assert run.batch_s == pytest.approx(110 * run.whole.mean_s)


def test_a_negative_deleted_between_the_passes_is_made_again(tmp_path):
    shots = bundled_photographs()[:1]

    class Deleting(Silent):
        def finished(self, photograph, seconds, *, cached):
            super().finished(photograph, seconds, cached=cached)
            (tmp_path / "negatives" / f"{photograph.name}.tif").unlink(missing_ok=True)

    seen = Deleting()
    run_demo(shots, tmp_path, SMALL, seen)
    assert seen.finished_ones == [("camera", False), ("camera", False)]


def test_two_photographs_with_one_content_get_a_negative_each(tmp_path):
    shot = bundled_photographs()[0]
    run = run_demo([shot, Photograph("copy", shot.path)], tmp_path, SMALL, Silent())
    assert [negative.path.name for negative in run.first.negatives] == ["camera.tif", "copy.tif"]
    assert all(negative.path.is_file() for negative in run.first.negatives)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_of_the_tables_is_wider_than_the_terminal(small_run, width):
    shown = Console(file=io.StringIO(), width=width, color_system=None, markup=False)
    shown.print(render_run(small_run, width))
    lines = shown.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    header = next(line for line in lines if line.startswith("stage"))
    assert "…" not in "".join(lines)
    assert all(
        word in header
        for word in ("runs", "mean ms", "p50", "p95", "p99", "CPU", "Mpx/s", "peak MB")
    )
    sharpen = next(line for line in lines if line.startswith("sharpen"))
    assert ("share of the time" in header) == (width >= 100) == sharpen.rstrip().endswith("%")


def test_a_run_without_a_single_negative_fails(tmp_path, monkeypatch, capsys):
    (tmp_path / "only.png").write_bytes(b"nothing")
    monkeypatch.setattr(
        console, "bundled_photographs", lambda: [Photograph("only", tmp_path / "only.png")]
    )
    assert cli.main(["demo", "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "only.png: skipped, not an image" in said
    assert "No photograph could be printed." in said
    assert json.loads((tmp_path / "out" / "report.json").read_text())["photographs"] == []


def test_an_empty_folder_of_photographs_is_mentioned(tmp_path, monkeypatch, capsys):
    (tmp_path / "photos").mkdir()
    monkeypatch.setattr(console, "bundled_photographs", lambda: bundled_photographs()[:1])
    monkeypatch.setattr(console, "PrintSettings", lambda: SMALL)
    assert (
        cli.main(["demo", "--photos", str(tmp_path / "photos"), "--output", str(tmp_path / "out")])
        == 0
    )
    assert "holds no photographs" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["PIL", "rich", "skimage"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(module, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert cli.main(["demo"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'ptpd-monitoring[demo]'" in said
    assert {"PIL": "pillow", "rich": "rich", "skimage": "scikit-image"}[module] in said


def test_a_folder_that_does_not_exist_is_one_line(tmp_path, capsys):
    assert cli.main(["demo", "--photos", str(tmp_path / "nowhere"), "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"ptpd-monitor: {tmp_path / 'nowhere'} is not a folder\n"


def test_an_output_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main(["demo", "--output", str(tmp_path / "file")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(tmp_path / "file") in said


def test_an_interrupt_ends_in_one_line_and_the_shells_status(monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "run_in_console", interrupted)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "ptpd-monitor: stopped\n"


def test_a_terminal_shows_bars_that_reach_their_end(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    screen = Console(file=io.StringIO(), force_terminal=True, width=90, markup=False)
    with console.observing(screen) as observer:
        run_demo(
            [bundled_photographs()[0], Photograph("broken", broken)], tmp_path, SMALL, observer
        )
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.file.getvalue())
    assert re.search(r"Printing negatives +━+ 2/2", last)
    assert re.search(r"Again, from the cache +━+ 1/1", last)
    assert "broken.png: skipped, not an image that Pillow knows" in last


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.00012, "0.12 ms"),
        (0.0314, "31.4 ms"),
        (0.5, "500 ms"),
        (12.34, "12.3 s"),
        (600, "10.0 min"),
    ],
)
def test_durations_are_shown_in_a_unit_that_suits_them(seconds, said):
    assert duration(seconds) == said
