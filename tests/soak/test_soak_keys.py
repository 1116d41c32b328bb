"""test_hostile_keys.py with many more and longer histories."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings

from progress import Progress
from test_hostile_keys import AgainstADict, HostileKeys

limits = settings(
    max_examples=500,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Told:
    """Says how many histories there were."""

    done: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        name = type(self).__name__
        self.done[name] += 1
        Progress.current.say(f"{self.done[name]} histories of {name}")


class EqualKeys(Told, AgainstADict):
    pass


class KeysThatDoTheirWorst(Told, HostileKeys):
    pass


TestEqualKeysInEveryDisguise = pytest.mark.timeout(3600)(EqualKeys.TestCase)
TestEqualKeysInEveryDisguise.settings = limits
TestHostileKeysLeaveTheCacheWhole = pytest.mark.timeout(3600)(KeysThatDoTheirWorst.TestCase)
TestHostileKeysLeaveTheCacheWhole.settings = limits
