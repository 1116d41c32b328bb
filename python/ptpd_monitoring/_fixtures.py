"""Fixtures of the pytest plugin: a module of their own, as pytest is imported for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ptpd_monitoring.testing import reset

__all__ = ["fresh_monitoring"]


@pytest.fixture
def fresh_monitoring() -> Iterator[None]:
    """Give a test global instances of its own, which are forgotten after it."""
    reset()
    yield
    reset()
