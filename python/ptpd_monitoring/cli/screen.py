"""What is drawn, by rich."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ptpd_monitoring.cli import EXIT_USAGE
from ptpd_monitoring.cli.files import Failure, is_there
from ptpd_monitoring.cli.quantities import stands_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# Of a pipe or a file, which have no width: nothing is left out and no name is cut off.
_ENDLESS = 100_000
# Between two columns.
_GAP = 3
# How many columns of a terminal names get before other columns go, and whatever happens.
_NAME = 24
_LEAST = 8
_UNIT = 16


def need_rich() -> None:
    """Fail where rich is missing.

    Raises:
        Failure: with the line that says what to install.

    """
    if not is_there("rich"):
        raise Failure("this needs rich: pip install 'ptpd-monitoring[cli]'", EXIT_USAGE)


def console(file: IO[str] | None = None) -> Console:
    """Return where to draw: standard output, in colour where that is a terminal and wants it."""
    need_rich()
    from rich.console import Console

    if file is None:
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            # A name need not fit the terminal's encoding.
            reconfigure(errors="replace")
    made = Console(file=file, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _ENDLESS
    return made


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: above it.
        cells: from the first row to the last.
        goes: where room is short, columns go in the order of this number; those with 0 stay.
        left: it holds texts rather than numbers.

    """

    heading: str
    cells: Sequence[str | Text]
    goes: int = 0
    left: bool = False

    @property
    def width(self) -> int:
        """As many columns of a terminal as it needs."""
        from rich.cells import cell_len

        return max(cell_len(str(text)) for text in (self.heading, *self.cells))


def table(names: Column, columns: Sequence[Column], width: int) -> Table:
    """Return a table of what its rows are called and of the columns that there is room for.

    A name that is still too long then is cut off.
    """
    from rich import box
    from rich.table import Table

    kept = list(columns)
    wanted = min(names.width, max(_NAME, width // 3))
    for goes in sorted({column.goes for column in columns} - {0}):
        if wanted + _beside(kept) <= width:
            break
        kept = [column for column in kept if column.goes != goes]
    made = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    room = max(width - _beside(kept), _LEAST)
    # Set, because rich takes room from it alone, down to nothing.
    made.add_column(names.heading, width=min(names.width, room), no_wrap=True)
    for column in kept:
        made.add_column(column.heading, justify="left" if column.left else "right", no_wrap=True)
    for row in zip(names.cells, *(column.cells for column in kept), strict=True):
        made.add_row(*row)
    return made


def _beside(columns: Sequence[Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def units(of: Sequence[str], goes: int) -> list[Column]:
    """Return the column of units, if there are any that are not beside each figure."""
    apart = [short(unit, _UNIT) if stands_apart(unit) else "" for unit in of]
    return [Column("unit", apart, goes, left=True)] if any(apart) else []


def cell(text: str) -> str:
    """A text without what would move a terminal's cursor or change its colours."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def short(text: str, most: int) -> str:
    """A text as a cell of so many letters at most."""
    shown = cell(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def name(text: str) -> Text:
    """A name as a cell that is cut off where room is short."""
    from rich.text import Text

    return Text(cell(text), no_wrap=True, overflow="ellipsis")
