"""``clinical …``: the command line.

Each subcommand is a module of ``clinical_assets.commands``, imported only when it is called, so
that ``clinical --help`` answers at once. A user's mistake is one paragraph and exit status 1;
141 where whoever read the output went away.
"""

import functools
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from clinical_assets import __version__
from clinical_assets.commands.mistakes import say
from clinical_assets.errors import ClinicalError
from resources.terminal import at_command, signed_in

_PIPE = 128 + 13  # what a shell gives for SIGPIPE

# Name → what `clinical --help` says of it; the command lies in commands/<name>.py.
COMMANDS = {
    "demo": "Run a model from its raw rows to a released package.",
    "up": "Open the asset graph in the browser (web server and daemon).",
    "data": "List, verify and add registered sources.",
    "drift": "Hold one table against another, column by column.",
    "profile": "Count a table once, for `clinical drift` and for adding up.",
    "package": "Verify a model package, or rebuild it from itself alone.",
    "ledger": "Show, prove, verify and export the record of every act.",
    "stage": "Show stages, signatures and gates of a model's versions.",
    "sign": "Sign a version: review, approve, reject, revoke, quarantine.",
    "retention": "Show how long records are kept; hold, release, purge.",
    "backup": "Make, verify and restore backups; try a restore.",
    "history": "Show every candidate with its gates, and every run that was refused.",
    "login": "Begin a terminal session: what you do then is done in your name.",
    "logout": "End the terminal session.",
    "users": "Enrol people and services, grant roles, unlock, revoke, review access.",
}


@functools.cache
def _loaded(name: str) -> click.Command:
    module = importlib.import_module(f"clinical_assets.commands.{name}")
    command: click.Command = getattr(module, name)
    _name(command, f"clinical {name}")
    return command


def _name(command: click.Command, path: str) -> None:
    """Lets everything that the command reads and writes be known as done for this command.

    Args:
        path: its names as declared, from ``clinical`` on; nothing that a user types is in it.
    """
    if command.callback is not None:
        command.callback = _named(path, command.callback)
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            _name(each, f"{path} {name}")


def _named(path: str, callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def at_work(*arguments: Any, **options: Any) -> Any:
        with at_command(path):
            return callback(*arguments, **options)

    return at_work


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is called, not before."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the subcommand; where whoever read the output went away, as `head` does, the status
        is that of a broken pipe: 1, which is click's, would say that something was found."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(_PIPE)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table above."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        return _loaded(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clinical")
def cli() -> None:
    """Clinical machine learning that can be inspected: from hashed rows to a released model."""


def main() -> None:
    """Runs the command line; exit status 1 and one paragraph for what a person can repair."""
    try:
        with signed_in():
            cli(standalone_mode=False)
    except ClinicalError as error:
        say(error)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)


if __name__ == "__main__":
    main()
