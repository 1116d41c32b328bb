"""The long tests say how far they are, although pytest captures what tests print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[1] / "soak"

CONFTEST = f"""
import sys
sys.path.insert(0, {str(SOAK)!r})
import progress
progress.SECONDS_BETWEEN_LINES = 0

def pytest_configure(config):
    config.pluginmanager.register(progress.Progress())
"""

TESTS = """
import pytest
from progress import Progress

def test_of_minutes():
    print("captured")
    Progress.current.say("half")

def test_that_fails():
    raise ValueError("broken")

@pytest.fixture
def broken():
    raise ValueError("broken")

def test_that_cannot_begin(broken): pass

def test_that_is_skipped():
    pytest.skip("not here")
"""


@pytest.mark.thread_unsafe(reason="starts a process, which shares nothing with the threads")
def test_each_test_is_told_of_as_it_ends_and_one_of_minutes_before(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_few.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nconsole_output_style = classic\n")
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "."]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    told = [line for line in done.stdout.splitlines() if re.match(r" *\d+:\d\d ", line)]
    # Without the time, and what each took.
    found = [re.sub(r"in [\d.]+ s", "in s", line.split(maxsplit=1)[1]) for line in told]
    assert found == [
        "0/4   0 %  half of test_of_minutes",
        "1/4  25 %  passed in s: test_of_minutes",
        "2/4  50 %  failed in s: test_that_fails",
        "3/4  75 %  failed in s: test_that_cannot_begin",
        "4/4 100 %  skipped in s: test_that_is_skipped",
    ]
    assert "captured" not in done.stdout
    assert "1 failed, 1 passed, 1 skipped, 1 error" in done.stdout
