"""What the project promises of its speed: a work and a peer, and how well it is to do.

A row that is gone, or a target that is easier, is a promise broken.
"""

from __future__ import annotations

from benchmarks.rows import Target

PROMISES = {
    ('with monitor.timer("op")', "contextlib.nullcontext()"): Target("1.5", stretch="1.2"),
    ('with monitor.timer("op")', "codetiming"): Target("1/3"),
    ('with monitor.timer("op")', "prometheus_client, labelled"): Target("1/10"),
    ('with monitor.timer("op")', "opentelemetry-sdk record"): Target("1/20"),
    ("record_metric(name, value, unit)", "prometheus_client observe"): Target(
        "1/10", stretch="1/15"
    ),
    **{
        (f"record_metric, history full of {size:,}", "history empty at first"): Target("1.1")
        for size in (1_000, 10_000, 100_000, 1_000_000)
    },
    **{
        (name, peer): target
        for name in ("track_request", "with tracker.track(endpoint)")
        for peer, target in {
            "prometheus_client observe, two labels": Target("1/8"),
            "our timer": Target("1.3"),
        }.items()
    },
    ("API report, 10,000 requests on 50 endpoints", "plain-Python reference"): Target("1/50"),
    ("cache get, a hit", "cachebox VTTLCache"): Target("1", stretch="0.8"),
    ("cache get, a hit", "cachetools TTLCache, locked"): Target("1/12"),
    **{
        (f"cache set, {what}", "cachebox VTTLCache insert"): Target("0.7", stretch="0.5")
        for what in ("the key is there", "a new key and room", "a new key evicts")
    },
    ("get_statistics of 10,000", "NumPy, eight figures of a ready array"): Target(
        "0.5", stretch="0.3"
    ),
    ("get_metrics of 10,000, as objects", "building as many pydantic models"): Target("1/10"),
    ("JSON export of 10,000", "orjson.dumps of the ready dicts"): Target("2", stretch="1"),
    ("CSV export of 10,000", "csv.DictWriter"): Target("1/10"),
    ("check_resources, after the first", "psutil: cpu, memory and disk"): Target(
        "1", stretch="0.5"
    ),
    ("profile_operation of an empty function", "two psutil memory_info, four clock reads"): Target(
        "1/3"
    ),
    ("memory a sample, 1,000,000 kept", "before the samples"): Target(
        "24", stretch="16", unit="bytes"
    ),
    ("import ptpd_calibration.monitoring", "bare interpreter"): Target(
        "10", stretch="5", unit="ms"
    ),
    ("NumPy's modules imported with it", "bare interpreter"): Target("0", unit="modules"),
    **{
        (f"two threads, one {what}", "one thread"): Target("0.95", at_least=True)
        for what in ("monitor", "tracker", "cache")
    },
    **{
        (f"two threads, two {what}s", "one thread"): Target("1", at_least=True)
        for what in ("monitor", "tracker", "cache")
    },
    **{
        (f"{what}, with a history", "without one"): Target("1.2")
        for what in ("record_metric", "with monitor.timer", "track_request")
    },
    ("daily report of 100 operations, 30 days kept", "a limit"): Target("50", unit="ms"),
    ("comparison of 30 days of 100 operations", "a limit"): Target("300", unit="ms"),
    ("file of 100 operations, 30 days", "a limit"): Target("100", unit="MB"),
}
