"""Reading the machine's resources."""

from .harness import Contender, Names
from .rows import Comparison, Target


def _ours() -> Names:
    from ptpd_monitoring import ResourceMonitor

    monitor = ResourceMonitor()
    monitor.check_resources()
    return {"monitor": monitor}


def _psutil() -> Names:
    # Without an interval: the load since the call before, so that psutil does not sleep either.
    import psutil

    psutil.cpu_percent(interval=None)
    return {"psutil": psutil}


WORKS = [
    Comparison(
        area="resources",
        name="check_resources, after the first",
        ours=Contender(name="ours", statement="monitor.check_resources()", setup=_ours, unroll=1),
        against=[
            (
                Contender(
                    name="psutil: cpu, memory and disk",
                    statement=(
                        "psutil.cpu_percent(interval=None); psutil.virtual_memory(); "
                        'psutil.disk_usage("/")'
                    ),
                    setup=_psutil,
                    unroll=1,
                ),
                Target("1", stretch="0.5"),
            )
        ],
    )
]
