"""Says how far the long tests are, a line for each, whatever pytest captures."""

from __future__ import annotations

import os
import time

import pytest

# Within a test that takes minutes.
SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """A plugin of pytest, to which a test that takes minutes may say more."""

    current: Progress

    def __init__(self) -> None:
        Progress.current = self
        # While pytest is being configured nothing is captured, so that this is where it is to go.
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._began = self._last = time.monotonic()
        self._total = self._done = 0
        self._name = ""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._name = nodeid.partition("::")[2]

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Has no dots and letters printed between the lines."""
        if report.when == "call" or report.skipped:
            return report.outcome, "", ""
        return ("error", "", "") if report.failed else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self._done += 1
            self._line(f"{report.outcome} in {report.duration:.1f} s: {self._name}")
        elif report.failed:
            self._line(f"{report.when} failed: {self._name}")

    def say(self, text: str) -> None:
        """Say how far the test is, unless it has just done so."""
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._line(f"{text} of {self._name}")

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        minutes, seconds = divmod(int(self._last - self._began), 60)
        share = 100 * self._done // max(self._total, 1)
        print(
            f"{minutes:3}:{seconds:02} {self._done:4}/{self._total} {share:3} %  {text}",
            file=self._out,
            flush=True,
        )
