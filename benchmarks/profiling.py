"""Profiling a call."""

import time

from .harness import Contender, Names
from .rows import Comparison, Target


def _nothing() -> None:
    pass


def _ours() -> Names:
    from ptpd_monitoring import ImageProcessingProfiler

    return {"profiler": ImageProcessingProfiler(), "nothing": _nothing}


def _psutil() -> Names:
    # What a profile cannot do without: both clocks and the memory, before and after the call.
    import psutil

    return {
        "process": psutil.Process(),
        "nothing": _nothing,
        "wall": time.perf_counter,
        "cpu": time.process_time,
    }


WORKS = [
    Comparison(
        area="profiling",
        name="profile_operation of an empty function",
        ours=Contender(
            name="ours",
            statement="profiler.profile_operation(nothing)",
            setup=_ours,
        ),
        against=[
            (
                Contender(
                    name="two psutil memory_info, four clock reads",
                    statement=(
                        "process.memory_info(); wall(); cpu(); nothing(); "
                        "cpu(); wall(); process.memory_info()"
                    ),
                    setup=_psutil,
                ),
                Target("1/3"),
            )
        ],
    )
]
