"""A page in headless Chromium, by the DevTools protocol over a pair of pipes.

Chromium reads commands from its file descriptor 3 and writes answers and events to 4, each a JSON
text that ends with a null character. It needs no port and no package.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ["chromium", "chromium-browser", "google-chrome"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
# Kinds of console messages that tell of something wrong.
WRONG = {"error", "warning", "assert"}


def executable() -> str | None:
    """Chromium's path, or None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class ChromiumError(Exception):
    """Chromium refused a command, or ended."""


class Browser:
    """A running Chromium with one page."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb", buffering=0)
        self._answers = os.fdopen(answers, "rb")
        self._pending = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def close(self) -> None:
        """Let go of the pipes, which ends Chromium."""
        self._commands.close()
        self._answers.close()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            part = self._answers.read1(1 << 20)
            if not part:
                raise ChromiumError("Chromium ended")
            self._pending += part
        message, _, self._pending = self._pending.partition(b"\0")
        return dict(json.loads(message))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run a command of the protocol and return its result; events are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        self._commands.write(json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                break
            self.events.append(message)
        if "error" in message:
            raise ChromiumError(f"{method}: {message['error']}")
        return dict(message["result"])

    def wait_for(self, event: str, **parameters: Any) -> None:
        """Read on until the event has come, with those among its parameters."""
        while not any(parameters.items() <= params.items() for params in self._of_kind(event)):
            self.events.append(self._read())

    def show(self, page: Path, width: int, scheme: str, height: int = 900) -> None:
        """Load a page into a window of that width, with that colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.events.clear()
        loader = self.call("Page.navigate", url=page.resolve().as_uri())["loaderId"]
        # The blank page that was there before may be loaded as late as now.
        self.wait_for("Page.lifecycleEvent", name="load", loaderId=loader)

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript and return its value."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def _of_kind(self, method: str) -> Iterator[dict[str, Any]]:
        return (event["params"] for event in self.events if event.get("method") == method)

    def complaints(self) -> list[str]:
        """What the console has shown of errors and warnings since the page was loaded."""
        self.run("0")  # whatever came before it has arrived
        logged = [
            entry["text"]
            for event in self._of_kind("Log.entryAdded")
            if (entry := event["entry"])["level"] in WRONG
        ]
        console = [
            str(e["args"]) for e in self._of_kind("Runtime.consoleAPICalled") if e["type"] in WRONG
        ]
        thrown = [
            str(event["exceptionDetails"]) for event in self._of_kind("Runtime.exceptionThrown")
        ]
        return logged + console + thrown

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was loaded, its own first."""
        return [event["request"]["url"] for event in self._of_kind("Network.requestWillBeSent")]

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        return base64.b64decode(data)

    def print(self) -> bytes:
        """The page as it is printed, a PDF."""
        data = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"]
        return base64.b64decode(data)


@contextmanager
def started(path: str, profile: Path) -> Iterator[Browser]:
    """Run the Chromium at `path` with a profile folder of its own."""
    command_reader, command_writer = os.pipe()
    answer_reader, answer_writer = os.pipe()

    def connect() -> None:
        # Above both numbers first: one of the pipes may have the other's.
        reader, writer = os.dup(command_reader), os.dup(answer_writer)
        os.dup2(reader, 3)
        os.dup2(writer, 4)

    process = subprocess.Popen(
        [path, *FLAGS, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=connect,
        close_fds=False,
    )
    os.close(command_reader)
    os.close(answer_writer)
    browser = Browser(command_writer, answer_reader)
    try:
        yield browser
    finally:
        browser.close()
        process.wait(120)
