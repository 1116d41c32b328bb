"""What changed against the days before: what a report begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from ptpd_monitoring._native import report_changed
from ptpd_monitoring.cli.quantities import NOTHING, count
from ptpd_monitoring.cli.screen import Column, cell, name, table

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLOURS = {"bad": "red", "good": "green"}


def changes(report: dict[str, Any], width: int) -> list[RenderableType]:
    """What a report says of changes, in so many columns of a terminal; nothing of a session."""
    said = report_changed(report)
    if said is None:
        return []
    headline, class_, intro, rows = said
    parts: list[RenderableType] = [
        Text(),
        Text(cell(headline), style=f"bold {_COLOURS.get(class_, '')}".strip()),
        Text(cell(intro), style="bright_black"),
    ]
    if rows:
        whats, classes, names, since, figures, change, samples = zip(*rows, strict=True)
        columns = [
            Column(
                "what",
                [
                    Text(what, style=_COLOURS.get(of, ""))
                    for what, of in zip(whats, classes, strict=True)
                ],
                left=True,
            ),
            Column("hours", [cell(one) for one in since], left=True),
            Column("before → now", [cell(one) for one in figures], goes=2),
            Column("change", [cell(one) for one in change]),
            Column(
                "samples", [NOTHING if one is None else count(int(one)) for one in samples], goes=1
            ),
        ]
        heading = "operation or endpoint"
        parts += [Text(), table(Column(heading, [name(one) for one in names]), columns, width)]
    return parts
