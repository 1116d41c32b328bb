"""Importing the module: a whole process with the import, by one without, started in turn.

Both processes read the same ``site-packages``, so what its ``.pth`` files cost is in both.
"""

import functools
import subprocess
import sys
import time

from .rows import Gauge, Peer, Target

MODULE = "ptpd_calibration.monitoring"


def _start(program: str) -> float:
    # Without the user's settings; `close_fds=False` lets Python start the child the fast way.
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", program], check=True, close_fds=False)
    return (time.perf_counter() - begin) * 1000


def read() -> tuple[float, float]:
    """Milliseconds with and without the import, the least of three each."""
    bare, ours = [], []
    for _ in range(3):
        bare.append(_start("pass"))
        ours.append(_start(f"import {MODULE}"))
    return min(ours), min(bare)


@functools.cache
def imported_by(module: str) -> frozenset[str]:
    """The names in ``sys.modules`` after the import alone."""
    program = f"import sys, {module}; print(*sys.modules)"
    return frozenset(
        subprocess.check_output([sys.executable, "-I", "-c", program], text=True).split()
    )


def read_numpy() -> tuple[float, float]:
    """How many of NumPy's modules are imported by ours."""
    modules = imported_by(MODULE)
    if MODULE not in modules:
        raise RuntimeError(f"{MODULE} is not among the modules that its import left")
    return float(sum(name.split(".")[0] == "numpy" for name in modules)), 0.0


WORKS = [
    Gauge(
        area="imports",
        name=f"import {MODULE}",
        peer=Peer("bare interpreter", Target("10", stretch="5", unit="ms")),
        read=read,
        most_rounds=15,
    ),
    Gauge(
        area="imports",
        name="NumPy's modules imported with it",
        peer=Peer("bare interpreter", Target("0", unit="modules")),
        read=read_numpy,
        most_rounds=1,
    ),
]
