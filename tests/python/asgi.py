"""Asks an ASGI application without a server or a network in between.

PYTEST_DONT_REWRITE: helpers only, there is no test in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Answer:
    status: int
    content: Any


class Client:
    def __init__(self, app: Any) -> None:
        self.app = app

    def get(self, path: str) -> Answer:
        return asyncio.run(self._ask("GET", path, b""))

    def post(self, path: str, content: object) -> Answer:
        return asyncio.run(self._ask("POST", path, json.dumps(content).encode()))

    async def _ask(self, method: str, path: str, body: bytes) -> Answer:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"test"), (b"content-type", b"application/json")],
        }
        parts: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(part: dict[str, Any]) -> None:
            parts.append(part)

        # The application raises again what it has answered with a 500.
        with contextlib.suppress(Exception):
            await self.app(scope, receive, send)
        text = b"".join(part.get("body", b"") for part in parts)
        status = parts[0]["status"]
        return Answer(status, json.loads(text) if status != 500 else text)
