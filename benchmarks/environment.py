"""What a measurement was made on and with."""

import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "ptpd-monitoring",
    "cachebox",
    "cachetools",
    "codetiming",
    "numpy",
    "opentelemetry-sdk",
    "orjson",
    "prometheus-client",
    "psutil",
    "pydantic",
)


def cpu_model() -> str:
    """The processor's name; the machine's architecture where it has none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


def system() -> str:
    """The system's name and the first two parts of its kernel's version; no build of it."""
    return " ".join([platform.system(), *re.findall(r"^\d+(?:\.\d+)?", platform.release())])


def has_global_lock() -> bool:
    """Whether the interpreter runs one thread at a time."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    return True if enabled is None else bool(enabled())


def describe() -> dict[str, object]:
    """Interpreter, machine and versions."""
    return {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "global_lock": has_global_lock(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "os": system(),
        "versions": {package: version(package) for package in PACKAGES},
    }


def load() -> float | None:
    """The processes running or waiting, over the last minute; the benchmark itself is one."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
