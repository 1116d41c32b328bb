"""How two folders of reports differ: in which file, where in it, what was expected and what is there."""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

# Numbers that are computed may differ in their last digits between two processors or C libraries.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
# A number in a text with so many digits that it was not rounded for a reader.
EXACT = re.compile(r"-?\d+\.\d{6,}(?:e[+-]?\d+)?|-?\d(?:\.\d+)?e[+-]?\d+")
LONGEST = 400
# Of texts with more lines, only those are told that stand in the same places.
MOST_COMPARED = 4_000_000


def differences(expected: Mapping[str, str], got: Mapping[str, str]) -> Iterator[str]:
    """Tell each difference between two sets of files, by their names, in a line or some."""
    for name in sorted(expected.keys() | got.keys()):
        if name not in got:
            yield f"{name}: is no longer made"
        elif name not in expected:
            yield f"{name}: was not made before"
        elif expected[name] != got[name]:
            for place, before, now in _of_file(name, expected[name], got[name]):
                where = f"{name}: {place}" if place else name
                yield f"{where}\n    expected {_short(before)}\n    got      {_short(now)}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


Difference = tuple[str, str, str]


def _of_file(name: str, expected: str, got: str) -> Iterator[Difference]:
    suffix = PurePosixPath(name).suffix
    if suffix == ".json":
        values = (json.loads(text, object_pairs_hook=_Pairs) for text in (expected, got))
        yield from _of_values("", *values)
        if _layout(expected) != _layout(got):
            yield "the layout of the text", *_first_other_line(_layout(expected), _layout(got))
    elif suffix == ".csv":
        yield from _of_tables(expected, got)
    else:
        yield from _of_lines(expected, got)


class _Pairs(list[Any]):
    """An object of JSON: its pairs, in their order."""


def _layout(text: str) -> str:
    """A text of JSON without its numbers, which may differ in their last digits."""
    return re.sub(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", "0", text)


def _first_other_line(expected: str, got: str) -> tuple[str, str]:
    lines = zip(expected.splitlines(), got.splitlines(), strict=False)
    return next((pair for pair in lines if pair[0] != pair[1]), (expected[-80:], got[-80:]))


def _of_values(path: str, expected: Any, got: Any) -> Iterator[Difference]:
    if isinstance(expected, _Pairs) and isinstance(got, _Pairs):
        before, now = dict(expected), dict(got)
        for key, value in before.items():
            if key not in now:
                yield f"{path}[{key!r}]", _text(value), "no such key"
            else:
                yield from _of_values(f"{path}[{key!r}]", value, now[key])
        for key, value in now.items():
            if key not in before:
                yield f"{path}[{key!r}]", "no such key", _text(value)
        if before.keys() == now.keys() and list(before) != list(now):
            yield f"{path} the order of keys".strip(), ", ".join(before), ", ".join(now)
    elif isinstance(expected, list) and isinstance(got, list) and type(expected) is type(got):
        for number, (before, now) in enumerate(zip(expected, got, strict=False)):
            yield from _of_values(f"{path}[{number}]", before, now)
        if len(expected) != len(got):
            yield f"{path} how many".strip(), str(len(expected)), str(len(got))
    elif not _alike(expected, got):
        yield path, _text(expected), _text(got)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _alike(expected: Any, got: Any) -> bool:
    # Not 1 for 1.0, nor true for 1.
    if type(expected) is not type(got):
        return False
    if isinstance(expected, float):
        return _close(expected, got)
    return bool(expected == got)


def _close(expected: float, got: float) -> bool:
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) and math.isnan(got)
    return math.isclose(expected, got, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _of_tables(expected: str, got: str) -> Iterator[Difference]:
    before, now = (list(csv.reader(io.StringIO(text, newline=""))) for text in (expected, got))
    if not before or not now or before[0] != now[0]:
        yield "the header", ",".join(*before[:1] or [[]]), ",".join(*now[:1] or [[]])
        return
    header = before[0]
    for number, (old, new) in enumerate(zip(before, now, strict=False)):
        if len(old) != len(new):
            yield f"row {number}", ",".join(old), ",".join(new)
            continue
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            if not _same_text(one, other):
                column = header[place] if place < len(header) else f"column {place}"
                yield f"row {number} ({old[0]}), {column}", one, other
    if len(before) != len(now):
        yield "how many rows", str(len(before)), str(len(now))
    elif not _same_text(expected, got):
        yield from _of_lines(expected, got)


def _of_lines(expected: str, got: str) -> Iterator[Difference]:
    if _same_text(expected, got):
        return
    # Where a line ends in another way, that shows.
    before, now = expected.split("\n"), got.split("\n")
    for start, old, new in _other_lines(before, now):
        if len(old) == len(new):
            for number, (one, other) in enumerate(zip(old, new, strict=True), start):
                if not _same_text(one, other):
                    yield f"line {number}", _visible(one), _visible(other)
        else:
            blocks = (
                "".join(f"\n        {_visible(line)}" for line in part) for part in (old, new)
            )
            yield f"lines from {start}", *(block or "no such line" for block in blocks)


def _other_lines(before: list[str], now: list[str]) -> Iterator[tuple[int, list[str], list[str]]]:
    """Which lines stand in the place of which: the number of the first, and both."""
    if len(before) == len(now) or len(before) * len(now) > MOST_COMPARED:
        yield 1, before, now
        return
    matched = difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes()
    for kind, start, end, other_start, other_end in matched:
        if kind != "equal":
            yield start + 1, before[start:end], now[other_start:other_end]


def _visible(line: str) -> str:
    return line.replace("\r", "\\r") if line.strip() else repr(line)


def _same_text(expected: str, got: str) -> bool:
    """Whether texts are the same but for the last digits of numbers that are not rounded."""
    if expected == got:
        return True
    numbers = [list(map(float, EXACT.findall(text))) for text in (expected, got)]
    return (
        EXACT.sub("#", expected) == EXACT.sub("#", got)
        and len(numbers[0]) == len(numbers[1])
        and all(map(_close, *numbers))
    )
