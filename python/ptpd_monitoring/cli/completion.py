"""``ptpd-monitor completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    short_help="Print the script for a shell's completion.",
    epilog="""\b
Examples:
  ptpd-monitor completion bash >> ~/.bash_completion
  ptpd-monitor completion zsh > ~/.zfunc/_ptpd-monitor
  ptpd-monitor completion fish > ~/.config/fish/completions/ptpd-monitor.fish
""",
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands and options."""
    root = ctx.find_root()
    made = get_completion_class(shell)
    if made is None:
        raise click.BadParameter(f"click knows no {shell}")
    program = root.info_name or ""
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    click.echo(made(root.command, {}, program, variable).source())
