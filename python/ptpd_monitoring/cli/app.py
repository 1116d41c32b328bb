"""All commands, and what becomes of their errors."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from ptpd_monitoring.cli import EXIT_INTERRUPTED, EXIT_USAGE, fail
from ptpd_monitoring.cli.bench import bench
from ptpd_monitoring.cli.compare import compare
from ptpd_monitoring.cli.completion import completion
from ptpd_monitoring.cli.demo import demo
from ptpd_monitoring.cli.files import Failure, version
from ptpd_monitoring.cli.history import history
from ptpd_monitoring.cli.report import report
from ptpd_monitoring.cli.top import top

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "ptpd-monitor"


class _StoppedError(Exception):
    """Ctrl-C. Click would print an empty line for a ``KeyboardInterrupt``."""


class _Closed(io.StringIO):
    """Standard output where there is none, which matters to nobody who writes to a file."""

    def write(self, _text: str) -> int:
        raise Failure("standard output is closed", EXIT_USAGE)


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            # Here click still knows what to do when nobody reads it any more.
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise _StoppedError from None
        return result


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  export PTPD_MONITORING_HISTORY=/var/lib/app/history.db
  ptpd-monitor top                      watch the running application
  ptpd-monitor report --date yesterday  a day's figures
  ptpd-monitor report --last 7d --open  a week with charts, in the browser
  ptpd-monitor compare 14d..7d 7d       status 1 if anything got slower

Exit status: 0 success; 1 failure, something degraded, or a damaged file;
2 wrong usage or a missing extra; 3 nothing could be judged; 130 interrupted.
""",
)
@click.version_option(version(), prog_name=_PROGRAM, message="%(prog)s %(version)s")
def commands() -> None:
    """Performance monitoring at the command line.

    What a program recorded is read from the file of its history: the one that --history or
    PTPD_MONITORING_HISTORY names. Only `history fold` and `history vacuum` write to it.
    """


for _command in (report, compare, top, history, bench, demo, completion):
    commands.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status."""
    if sys.stdout is None:
        with redirect_stdout(_Closed()):
            return run(arguments)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # A path need not fit the terminal's encoding.
        reconfigure(errors="backslashreplace")
    try:
        status = commands.main(list(arguments), prog_name=_PROGRAM, standalone_mode=False)
    except Failure as failure:
        return fail(str(failure), failure.status)
    except click.ClickException as error:
        # Where there is none, click would show it on standard output.
        if sys.stderr is not None:
            error.show()
        return error.exit_code
    except (_StoppedError, click.Abort):
        return fail("stopped", EXIT_INTERRUPTED)
    except OSError as error:
        named = error.strerror and error.filename
        return fail(f"{error.filename}: {error.strerror}" if named else str(error), EXIT_USAGE)
    return status if isinstance(status, int) else 0
