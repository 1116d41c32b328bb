"""Operations in the order of their time, and the figures of one profile in one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ptpd_monitoring.cli.quantities import quantity, seconds
from ptpd_monitoring.cli.screen import Column, cell

if TYPE_CHECKING:
    from collections.abc import Sequence

_WALL_TIME = "_wall_time"
_MEMORY = "_memory"


class Row(NamedTuple):
    """A row of a table of operations.

    Attributes:
        name: what it is called.
        entry: the figures of the operation.
        memory: those of the memory that its calls took, where it is a profile's.

    """

    name: str
    entry: dict[str, Any]
    memory: dict[str, Any] | None


def rows(operations: dict[str, dict[str, Any]]) -> list[Row]:
    """Make ``develop_wall_time`` and ``develop_memory`` one row; what took the most time first."""
    profiles = {
        name: name.removesuffix(_WALL_TIME)
        for name in operations
        if name.endswith(_WALL_TIME) and name.removesuffix(_WALL_TIME) + _MEMORY in operations
    }
    memories = {profile + _MEMORY for profile in profiles.values()}
    found = [
        # Where something else is called so, a profile keeps its longer name.
        Row(
            name if profiles.get(name, name) in operations else profiles[name],
            entry,
            operations[profiles[name] + _MEMORY] if name in profiles else None,
        )
        for name, entry in operations.items()
        if name not in memories
    ]
    return sorted(found, key=_weight, reverse=True)


def _weight(row: Row) -> tuple[bool, float, int]:
    total = seconds(row.entry["count"] * row.entry["mean"], row.entry["unit"])
    return (total is not None, total or 0.0, row.entry["count"])


def memory(of: Sequence[Row]) -> list[Column]:
    """Return the column of the memory that calls took, usually and at most, if it is known."""
    if not any(row.memory for row in of):
        return []
    cells = [
        f"{quantity(row.memory['p50'], cell(row.memory['unit']))}"
        f", max {quantity(row.memory['max'], cell(row.memory['unit']))}"
        if row.memory
        else ""
        for row in of
    ]
    return [Column("memory", cells, goes=3)]
