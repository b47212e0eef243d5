"""Whether this process is a command that a person called at a terminal.

What belongs here: the mark, the command's name, and what was found out about the session for as
long as it stands. What does not: sessions (:mod:`resources.people.sessions`). It loads nothing and
opens nothing, so that a command that needs no ledger opens none; who acts is asked for at the first
act. Daemons, workers and services carry no mark and act by their service credential.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Terminal:
    """One command: what it found out about its session stays with it until it ends."""

    found: dict[Any, Any] = field(default_factory=dict)


_now: list[Terminal] = []
_commands: list[str] = []


@contextmanager
def signed_in() -> Iterator[None]:
    """What happens in the block is done by the person of the terminal session, if there is one."""
    _now.append(Terminal())
    try:
        yield
    finally:
        _now.pop()


def present_terminal() -> Terminal | None:
    """The command at work; None in a process that is none."""
    return _now[-1] if _now else None


@contextmanager
def at_command(name: str) -> Iterator[None]:
    """What is read or written in the block is so for the command ``name``, as the code declares
    it: ``clinical data add``; nothing that somebody typed is in it."""
    _commands.append(name)
    try:
        yield
    finally:
        _commands.pop()


def present_command() -> str:
    """The command at work; empty in a process that is none."""
    return _commands[-1] if _commands else ""
