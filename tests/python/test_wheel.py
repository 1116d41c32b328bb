"""The wheel as a file: which machines it says that it is for, and whether that is so."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
    pytest.skip("wheels for an older C library are made on Linux alone", allow_module_level=True)
pytest.importorskip("auditwheel", reason="auditwheel is what knows the C libraries")

# As old as Rust's own: that of the oldest distribution the package index has wheels for.
PROMISED = (2, 17)


@pytest.fixture(scope="module")
def wheel() -> Path:
    if "PTPD_WHEEL" not in os.environ:
        pytest.skip("PTPD_WHEEL names no wheel, as `make test-python` does")
    return Path(os.environ["PTPD_WHEEL"])


def glibc(text: str) -> tuple[int, int]:
    """The oldest C library that a tag of platforms is for."""
    major, minor = re.findall(r"manylinux_(\d+)_(\d+)_", text)[0]
    return int(major), int(minor)


def test_the_wheel_is_for_every_glibc_that_has_a_supported_python(wheel: Path) -> None:
    assert glibc(wheel.name) <= PROMISED


@pytest.fixture(scope="module")
def said(wheel: Path) -> str:
    """What auditwheel says of the wheel, on one line."""
    command = [sys.executable, "-m", "auditwheel", "show", wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


def test_threads_are_unwound_by_the_systems_library_as_the_interpreters_end_does(said: str) -> None:
    assert "libgcc_s.so.1" in said


def test_the_wheel_asks_for_no_newer_glibc_than_its_name_says(wheel: Path, said: str) -> None:
    found = re.search(r'is consistent with the following platform tag: "(\S+)"', said)
    assert found is not None, said
    assert glibc(found[1]) <= glibc(wheel.name), said
