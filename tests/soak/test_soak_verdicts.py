"""Thousands of simulated comparisons."""

from __future__ import annotations

import numpy as np
import pytest

from verdict_simulation import HEAVY, SIZES, false_verdicts, found

ROUNDS = 400


@pytest.mark.timeout(1_800)
def test_chance_makes_verdicts_in_at_most_5_percent_of_comparisons() -> None:
    chance = np.random.default_rng(1)
    mistaken, rounds = 0, 0
    for sizes in SIZES:
        of_each = ROUNDS if max(sizes) < 10_000 else ROUNDS // 4
        for kind, draw in HEAVY.items():
            here = false_verdicts(draw, sizes, of_each, chance)
            # What is due and four deviations: there are 54 of these.
            assert here <= 0.05 * of_each + 4 * (of_each * 0.05 * 0.95) ** 0.5, (kind, sizes)
            mistaken += here
            rounds += of_each
    assert rounds >= 2_000
    assert mistaken <= 0.05 * rounds


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("sizes", [(30_000, 2_000), (60_000, 5_000), (200_000, 2_000)])
def test_slow_tails_are_found_in_95_percent_of_comparisons(sizes: tuple[int, int]) -> None:
    chance = np.random.default_rng(2)
    for share in (0.02, 0.03, 0.05):
        for factor in (25, 60, 100):
            assert found(share, factor, sizes, 40, chance) >= 38, (share, factor)
