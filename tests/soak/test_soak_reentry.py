"""test_reentry.py for a minute or two."""

from __future__ import annotations

import pytest

import reentry_cases
import test_reentry

ROUNDS = 500


@pytest.mark.timeout(1_900)
@pytest.mark.parametrize("case", [*reentry_cases.BY_ROUND, *reentry_cases.ALL_AT_ONCE])
def test_every_object_may_be_used_from_its_own_operations_hundreds_of_times(case: str) -> None:
    test_reentry.run(case, ROUNDS, limit=1_800)
