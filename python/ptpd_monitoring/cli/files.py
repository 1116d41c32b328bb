"""What commands read and write."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from ptpd_monitoring._native import Replacement, misspelt_settings
from ptpd_monitoring.cli import EXIT_FAILURE, EXIT_USAGE
from ptpd_monitoring.performance import (
    APIPerformanceTracker,
    History,
    PerformanceMonitor,
    PerformanceReport,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = TypeVar("Command", bound=Callable[..., Any])

_VARIABLE = "PTPD_MONITORING_HISTORY"


class Failure(Exception):  # noqa: N818 - what a command came to, not what was done wrong
    """A command cannot do what it was asked to; the message says why in one line."""

    def __init__(self, message: str, status: int = EXIT_FAILURE) -> None:
        """End the program with a message and a status."""
        super().__init__(message)
        self.status = status


def version() -> str:
    """Return the installed version."""
    try:
        return importlib.metadata.version("ptpd-monitoring")
    except importlib.metadata.PackageNotFoundError:
        return "of a source tree"


class _HistoryFile(click.Path):
    """The path of a history, or None where it is blank: as a path that would be this folder."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if not os.fspath(value).strip():
            return None
        return super().convert(os.path.expanduser(value), param, ctx)  # noqa: PTH111 - not yet one


def history_option(command: Command) -> Command:
    """Add ``--history`` to a command, as its argument ``path``."""
    return click.option(
        "--history",
        "path",
        metavar="FILE",
        type=_HistoryFile(path_type=Path),
        envvar=_VARIABLE,
        show_envvar=True,
        help="The file of the history.",
    )(command)


def existing(path: Path | None) -> Path:
    """Return the path of a history that is there.

    Raises:
        Failure: none is named, or there is no file.

    """
    if path is None:
        near = [name for name, nearest in misspelt_settings() if nearest == _VARIABLE]
        hint = f" ({near[0]}, which is set, is not read)" if near else ""
        missing = f"no history is named: give --history FILE, or set {_VARIABLE}{hint}"
        raise Failure(missing, EXIT_USAGE)
    if not path.exists():
        raise Failure(f"there is no history {path}", EXIT_USAGE)
    if not path.is_file():
        raise Failure(f"{path} is not a file", EXIT_USAGE)
    return path


def look(path: Path | None) -> History:
    """Open a history to look at it.

    Raises:
        Failure: there is none.

    """
    return History(existing(path), record=False)


@contextmanager
def reading() -> Iterator[None]:
    """Let a file that cannot be read, as the history says it, fail the command."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise Failure(str(error)) from error


@contextmanager
def asking() -> Iterator[None]:
    """Let what the library refuses be wrong usage."""
    try:
        yield
    except ValueError as error:
        raise Failure(str(error), EXIT_USAGE) from error


def reports_of(path: Path | None) -> PerformanceReport:
    """Return what makes reports from a history alone.

    Raises:
        Failure: there is none.

    """
    history = look(path)
    return PerformanceReport(
        PerformanceMonitor(history=history), APIPerformanceTracker(history=history)
    )


def refuse_unread(report: dict[str, Any]) -> None:
    """Fail where the history could not be read.

    Raises:
        Failure: with the reason.

    """
    problem = report.get("history", {}).get("problem")
    if problem:
        raise Failure(problem)


def need(packages: dict[str, str], what: str) -> None:
    """Fail where modules are missing.

    Args:
        packages: the modules, and the name of what to install for each.
        what: needs them.

    Raises:
        Failure: with the line that says what to install.

    """
    missing = [name for module, name in packages.items() if not is_there(module)]
    if missing:
        raise Failure(f"{what} needs {', '.join(missing)}: pip install {' '.join(missing)}", 2)


def is_there(module: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give where to write a file that comes to lie at a path once it is complete."""
    with Replacement(path) as place:
        try:
            yield place
        except OSError as error:
            # Where it is written meanwhile says nothing to whoever named the path.
            if error.errno is None or error.filename not in {None, str(place)}:
                raise
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def for_programs(encoding: str | None = None) -> IO[str]:
    """Return standard output as programs read it: in UTF-8, whatever the terminal's encoding."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding=encoding or "utf-8")
    return sys.stdout


def known_encoding(
    _context: click.Context, _parameter: click.Parameter, name: str | None
) -> str | None:
    """Refuse an encoding that Python does not know, or that is none of texts."""
    if name is None:
        return None
    try:
        "".encode(name)
    # The last one for one that is none of texts in a strange way.
    except (LookupError, ValueError, AttributeError, TypeError):
        raise click.BadParameter(f"{name!r} is no encoding; such are utf-8 and utf-8-sig") from None
    return name


def refuse_history(output: Path | None, path: Path | None) -> None:
    """Fail where the output would take the place of the history.

    Raises:
        Failure: it would.

    """
    if output is not None and output.exists() and output.samefile(existing(path)):
        raise Failure(f"{output} is the history itself", EXIT_USAGE)
