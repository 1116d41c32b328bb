from __future__ import annotations

import gc
import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from benchmarks import environment, harness, memory, record, reference, rows, run, table
from benchmarks.harness import Contender, Settings, Timings
from benchmarks.rows import Comparison, Gauge, Peer, Target
from scripts import write_benchmarks

from benchmark_promises import PROMISES
from ptpd_monitoring import APIPerformanceTracker, CacheManager, PerformanceMonitor

ROOT = Path(__file__).resolve().parents[2]


class FakeTime:
    """A clock that statements move on, and a log of who did."""

    def __init__(self) -> None:
        self.now = 0
        self.log: list[str] = []

    def read(self) -> int:
        return self.now

    def contender(self, name: str, *costs: int, **options: object) -> Contender:
        """One whose n-th set-up makes a call cost the n-th of the costs; the last stays."""
        left = list(costs)

        def setup() -> dict[str, object]:
            cost = left.pop(0) if len(left) > 1 else left[0]
            self.log.append(f"set up {name}")

            def work(key: object = None) -> None:
                self.now += cost
                self.log.append(name if key is None else f"{name} {key}")

            return {"work": work, "some": "abc"}

        options = {"statement": "work()", "unroll": 1, **options}
        return Contender(name=name, setup=setup, **options)

    def settings(self, rounds: int = 3, round_ns: int = 10) -> Settings:
        return Settings(rounds=rounds, round_ns=round_ns, clock=self.read)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def test_a_round_times_every_contender_and_each_round_begins_with_the_next(time):
    contenders = [time.contender(name, 10) for name in "abc"]
    harness.measure(contenders, time.settings(rounds=4, round_ns=10))
    assert "".join(time.log[-12:]) == "abcbcacababc"


def test_long_works_get_fewer_rounds_but_never_less_than_the_least(time):
    for work_ns, rounds in [(35, 4), (0, 2), (1_000, 50)]:
        settings = Settings(50, 10, least_rounds=2, work_ns=work_ns, clock=time.read)
        (timing,) = harness.measure([time.contender("c", 10)], settings)
        assert len(timing.rounds) == rounds


def test_figures_are_nanoseconds_a_call_however_often_the_statement_is_unrolled(time):
    contenders = [
        time.contender("single", 7),
        time.contender("unrolled", 7, unroll=10),
        time.contender("keyed", 7, statement="work(key)", keys="some"),
        time.contender("renewed", 7, fresh_after=3),
    ]
    for timing in harness.measure(contenders, time.settings(round_ns=1000)):
        assert timing.rounds == [7.0] * 3


def test_calibration_makes_rounds_of_the_length_asked_for(time):
    for cost, unroll in [(3, 1), (3, 10), (700, 1), (90_000, 1)]:
        bench = harness.Bench(time.contender("c", cost, unroll=unroll), time.read)
        calls = bench.calibrate(50_000)
        assert calls * cost == pytest.approx(50_000, rel=0.1) or calls == unroll


def test_keys_go_round_and_on_over_batches(time):
    bench = harness.Bench(
        time.contender("c", 1, statement="work(key)", keys="some", unroll=10), time.read
    )
    bench.measure(2)
    bench.measure(3)
    assert time.log[1:] == ["c a", "c b", "c c", "c a", "c b"]


def test_fresh_names_are_made_untimed_before_each_batch(time):
    bench = harness.Bench(time.contender("c", 1, 1, 2, 4, fresh_after=2), time.read)
    time.log.clear()
    assert bench.measure(5) == (2 * 1 + 2 * 2 + 4) / 5
    assert time.log == ["set up c", "c", "c", "set up c", "c", "c", "set up c", "c"]


def test_the_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians():
    ours, peer = Timings("ours", 1, [1.0, 20.0, 30.0]), Timings("peer", 1, [2.0, 10.0, 60.0])
    ratios = ours.ratios(peer)
    assert ratios == [0.5, 2.0, 0.5]
    outcome = rows.result("area", "work", Peer("peer", Target("1")), (20.0, 10.0), ratios)
    assert outcome.figure == 0.5
    assert outcome.met


def test_the_collector_is_off_while_measuring_and_back_on_after_a_failure(time):
    states = []

    def setup() -> dict[str, object]:
        return {"look": lambda: states.append(gc.isenabled())}

    def fail() -> dict[str, object]:
        def work() -> None:
            time.now += 1_000
            if not gc.isenabled():
                raise RuntimeError

        return {"work": work}

    looking = Contender(name="looking", statement="look(); tick()", unroll=1, setup=lambda: {
        **setup(), "tick": lambda: setattr(time, "now", time.now + 1_000)})  # fmt: skip
    harness.measure([looking], time.settings(rounds=1))
    assert states[-1] is False
    assert gc.isenabled()
    with pytest.raises(RuntimeError):
        harness.measure(
            [Contender(name="failing", statement="work()", unroll=1, setup=fail)], time.settings()
        )
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("target", "figure", "met"),
    [
        (Target("1/3"), 0.3333, True),
        (Target("1/3"), 0.334, False),
        (Target("1.5"), 1.5, True),
        (Target("0.95", at_least=True), 0.94, False),
        (Target("0.95", at_least=True), 0.96, True),
    ],
)
def test_a_figure_is_held_against_the_right_side_of_its_target(target, figure, met):
    assert target.is_met(figure, target.limit) is met


def test_a_throughput_is_the_peers_time_by_ours(time):
    comparison = Comparison(
        area="threads",
        name="work",
        ours=time.contender("ours", 10),
        against=[(time.contender("peer", 5), Target("0.95", at_least=True))],
    )
    (outcome,) = comparison.run(time.settings())
    assert outcome.figure == 0.5
    assert not outcome.met


def test_a_gauge_holds_the_difference_against_its_target():
    readings = iter([(12.0, 10.0), (20.0, 10.0), (13.0, 10.0)])
    gauge = Gauge(
        area="a", name="n", peer=Peer("p", Target("3", stretch="2", unit="ms")),
        read=lambda: next(readings), most_rounds=3,
    )  # fmt: skip
    (outcome,) = gauge.run(Settings(rounds=9))
    assert (outcome.figure, outcome.met, outcome.stretch_met) == (3.0, True, False)


def test_every_row_of_the_table_has_a_peer_and_a_target():
    works = run.works()
    assert len(works) > 20
    assert len({work.name for work in works}) == len(works)
    for work in works:
        assert work.peers, work.name
        for peer in work.peers:
            assert peer.name
            assert str(peer.target)[0] in "≤≥"
            assert peer.target.is_met(0 if not peer.target.at_least else 1e9, peer.target.limit)


def test_every_promise_is_measured_and_none_has_become_easier():
    measured = {(work.name, peer.name): peer.target for work in run.works() for peer in work.peers}
    assert {key: measured.get(key) for key in PROMISES} == PROMISES


def test_what_misses_its_target_is_in_the_table():
    missed = table.as_markdown([_result(work="slow", met=False)])
    assert "| slow |" in missed
    assert missed.endswith("| no |")


def test_what_missed_its_target_is_explained():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if len(row) == len(table.HEADINGS)]
    assert len(rows) > 40
    missed = [(row[0], row[2]) for row in rows if row[-1] == "no"]
    explained = page[page.index("## Missed targets") :]
    assert [
        (work, peer) for work, peer in missed if work not in explained or peer not in explained
    ] == []


def test_the_system_is_named_without_the_build_of_its_kernel(monkeypatch):
    monkeypatch.setattr(environment.platform, "release", lambda: "6.1.0-build-7")
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    assert environment.system() == "Linux 6.1"


def test_a_stretch_is_harder_than_its_target():
    for work in run.works():
        for target in (peer.target for peer in work.peers if peer.target.stretch):
            assert target.stretch
            assert not target.at_least
            assert eval(target.stretch) < eval(target.limit), work.name


def test_every_area_is_in_the_run():
    folder = Path(run.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "\nWORKS" in path.read_text()}
    assert len(files) >= 10
    assert {work.area for work in run.works()} == files


def test_the_readmes_three_rows_are_measured():
    measured = {(work.name, peer.name) for work in run.works() for peer in work.peers}
    assert len(set(table.HEADLINES) & measured) == len(table.HEADLINES) == 3


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(SystemExit, match="timers, record"):
        run.works(["nothing such"])
    assert {work.area for work in run.works(["cache"])} >= {"cache", "threads"}


def test_the_full_histories_are_full_and_the_empty_ones_never_get_full():
    full, *others = (work for work in record.WORKS if "full of" in work.name)
    assert others
    assert len(full.ours.setup()["monitor"]._metrics["op"]) == 1000
    for work in (full, *others):
        ((empty, _),) = work.against
        monitor = empty.setup()["monitor"]
        assert len(monitor._metrics["op"]) == 1
        assert empty.fresh_after + harness.UNROLLED < monitor._max_history


def test_memory_is_measured_of_all_samples_and_is_not_below_what_two_numbers_need():
    grown, _ = memory.read(memory.SAMPLES)
    # What was there before may shrink meanwhile, but not by as much as one of the numbers takes.
    assert 12 <= grown < 200


def _result(**changes: object) -> dict[str, object]:
    return {
        "area": "a", "work": "w", "ours": 12.34, "peer": "p", "peer_figure": 98_765.0,
        "figure": 0.01, "spread": (0.009, 0.5), "unit": "", "target": "≤ 1/3", "met": True,
        "stretch": None, "stretch_met": None, **changes,
    }  # fmt: skip


def test_the_table_shows_times_ratios_and_whether_the_target_is_met():
    assert table.cells(_result(), short=False) == [
        "w", "12.3 ns", "p", "98.8 µs", "1/100.0", "1/111.1 to 0.50", "≤ 1/3", "yes",
    ]  # fmt: skip
    assert table.cells(_result(met=False), short=False)[-1] == "no"
    assert table.cells(_result(unit="ms", figure=4.2, peer_figure=0), short=True)[3:5] == [
        "none",
        "4.20 ms",
    ]


def _headlines() -> list[dict[str, object]]:
    return [_result(work=work, peer=peer) for work, peer in table.HEADLINES]


def test_the_short_table_holds_the_headlines_only():
    results = [_result(), *_headlines()]
    assert table.as_markdown(results).count("\n") == 5
    short = table.as_markdown(results, short=True)
    assert short.count("\n") == 4
    assert "| w |" not in short


def test_a_headline_without_a_result_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="no result for cache get, a hit beside cachetools"):
        table.as_markdown(_headlines()[:-1], short=True)


ENVIRONMENT = {
    "interpreter": "CPython 3.11", "cpu": "C", "os": "O", "versions": {"orjson": "1"},
}  # fmt: skip


def _documents(folder: Path, results: list[dict[str, object]]) -> list[str]:
    """A results file, a README and a page, each of the latter with an old table."""
    paths = [folder / name for name in ("results.json", "README.md", "benchmarks.md")]
    paths[0].write_text(json.dumps({"environment": ENVIRONMENT, "results": results}))
    for path in paths[1:]:
        path.write_text(f"before\n{write_benchmarks.START}\nold\n{write_benchmarks.END}\nafter\n")
    return [str(path) for path in paths]


def test_only_what_is_between_the_markers_of_the_documents_changes(tmp_path):
    documents = _documents(tmp_path, [_result(met=False), *_headlines()])
    write_benchmarks.main(*documents)
    once = [Path(path).read_text() for path in documents[1:]]
    for text in once:
        assert text.startswith(f"before\n{write_benchmarks.START}\n")
        assert text.endswith(f"\n{write_benchmarks.END}\nafter\n")
        assert "old" not in text
    readme, page = once
    assert "| w | 12.3 ns |" not in readme
    assert "All 4 comparisons](docs/benchmarks.md), of which 3 meet their target" in readme
    assert "| w | 12.3 ns |" in page
    assert "Measured on CPython 3.11, C, O; orjson 1." in page
    write_benchmarks.main(*documents)
    assert [Path(path).read_text() for path in documents[1:]] == once


@pytest.mark.parametrize("which", ["README.md", "benchmarks.md"])
@pytest.mark.parametrize("text", ["", "{start}", "{end} {start}", "{start} {start} {end}"])
def test_documents_are_left_alone_where_one_lacks_its_markers(tmp_path, text, which):
    documents = _documents(tmp_path, _headlines())
    text = text.format(start=write_benchmarks.START, end=write_benchmarks.END)
    (tmp_path / which).write_text(text)
    before = [Path(path).read_text() for path in documents]
    with pytest.raises(ValueError, match="benchmark table"):
        write_benchmarks.main(*documents)
    assert [Path(path).read_text() for path in documents] == before


VALUES = [0.5, 0.25, 4.0, 1.5, 0.125, 3.0, 2.0]


def test_the_reference_has_the_same_statistics_as_the_native_monitor():
    native, plain = PerformanceMonitor(5), reference.PerformanceMonitor(5)
    for monitor in (native, plain):
        assert monitor.get_statistics("op") == {"count": 0}
        for value in VALUES:
            monitor.record_metric("op", value, "s")
    assert plain.get_statistics("op") == pytest.approx(native.get_statistics("op"))
    assert [m.value for m in plain.get_metrics("op")] == VALUES[-5:]
    assert plain.get_statistics("op")["p90"] == pytest.approx(np.percentile(VALUES[-5:], 90))


def test_the_reference_times_blocks_that_raise_too_and_names_them_as_timers(caplog):
    monitor = reference.PerformanceMonitor()
    with pytest.raises(ZeroDivisionError), monitor.timer("op"):
        raise ZeroDivisionError
    (metric,) = monitor.get_metrics("op")
    assert (metric.unit, metric.metadata) == ("seconds", {"type": "timer"})
    assert monitor.stop_timer("op") is None
    assert "not started" in caplog.text


def test_the_reference_reports_requests_as_the_native_tracker_does():
    native, plain = APIPerformanceTracker(20), reference.APIPerformanceTracker(20)
    for tracker in (native, plain):
        assert tracker.generate_api_report() == {"total_requests": 0}
        for number in range(30):
            tracker.track_request(f"/{number % 7}", number / 8, 500 if number % 5 == 0 else 200)
    report, expected = plain.generate_api_report(), native.generate_api_report()
    assert report == plain.generate_api_report_in_one_pass()
    assert report.keys() == expected.keys()
    for key in report.keys() - {"endpoints"}:
        assert report[key] == expected[key], key
    assert list(report["endpoints"]) == list(expected["endpoints"])
    for name, stats in report["endpoints"].items():
        assert stats == pytest.approx(expected["endpoints"][name]), name


def test_the_reference_cache_evicts_expires_and_counts_as_the_native_one_does():
    from ptpd_monitoring._native import ManualClock

    clock = ManualClock()
    native = CacheManager(2, 10, clock=clock)
    plain = reference.CacheManager(2, 10, clock=lambda: clock.monotonic)
    for cache in (native, plain):
        cache.set("a", 1)
        cache.set("b", 2, ttl=0)
        assert cache.get("a") == 1
        cache.set("c", 3)
        assert (cache.get("b"), cache.get("a")) == (None, 1)
    clock.advance(10)
    for cache in (native, plain):
        assert cache.get("a") is None
    assert plain.get_stats().model_dump() == native.get_stats().model_dump()


def test_a_percentile_of_the_reference_is_numpys():
    ordered = sorted(VALUES)
    for percent in (0, 10, 50, 90, 99, 100):
        assert reference.percentile(ordered, percent) == pytest.approx(
            np.percentile(ordered, percent)
        )
    assert reference.percentile(ordered, 50) == statistics.median(ordered)
