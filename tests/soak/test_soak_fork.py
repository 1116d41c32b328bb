"""Long forms of the tests of forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from hammer import nvml_stub, run
from test_fork import FIRST_CALLS, STORM

# In all 2,000 forks.
STORMS = 8
FORKS = 250
PROGRAMS = 30
# Each fork has a child that does everything once, beside eight threads that do so all the time: under a
# tenth of a second on an idle processor.
TIMEOUT = 1_200


@pytest.mark.timeout(TIMEOUT + 100)
@pytest.mark.parametrize("_storm", range(STORMS))
def test_no_child_of_hundreds_hangs_when_eight_threads_hammer(
    _storm: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    library = str(nvml_stub(tmp_path_factory))
    variables = {"PTPD_MONITORING_NVML_LIBRARY": library}
    assert run(STORM, FORKS, tmp_path, timeout=TIMEOUT, **variables) == "done\n"


@pytest.mark.timeout(TIMEOUT + 100)
@pytest.mark.parametrize("_program", range(PROGRAMS))
def test_no_child_hangs_in_a_program_that_forks_during_first_calls(
    _program: int, tmp_path: Path
) -> None:
    assert run(FIRST_CALLS, tmp_path, timeout=TIMEOUT) == "done\n"
