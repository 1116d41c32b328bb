"""The long forms share the short ones' scripts, and say how far they are."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from progress import Progress


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Progress())


@pytest.fixture
def say() -> Callable[[str], None]:
    """Says how far a test is that takes minutes."""
    return Progress.current.say
