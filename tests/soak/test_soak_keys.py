"""test_hostile_keys.py with many more and longer histories."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from test_hostile_keys import AgainstADict, HostileKeys

limits = settings(
    max_examples=1000,
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class EqualKeys(AgainstADict):
    pass


class KeysThatDoTheirWorst(HostileKeys):
    pass


TestEqualKeysInEveryDisguise = pytest.mark.timeout(3600)(EqualKeys.TestCase)
TestEqualKeysInEveryDisguise.settings = limits
TestHostileKeysLeaveTheCacheWhole = pytest.mark.timeout(3600)(KeysThatDoTheirWorst.TestCase)
TestHostileKeysLeaveTheCacheWhole.settings = limits
