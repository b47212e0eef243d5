"""How the commands about people reach the register, and how they ask for secrets.

A secret is asked for without being shown, or read from standard input; it is never an argument or
an environment variable, which other users of the machine can read.
"""

import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from resources.people.claims import Claim
    from resources.people.identity import IdentityRegister
    from resources.people.sessions import Sessions

secret_stdin = click.option(
    "--secret-stdin",
    is_flag=True,
    help="Read what would be asked for from standard input, a line each: secret, code, new secret.",
)


def hidden(label: str, *, default: str | None = None, confirm: bool = False) -> str:
    """Asks at the terminal for what is not shown.

    Raises:
        ClinicalError: there is no terminal, so that it could not be hidden, or nobody answers.
    """
    import getpass
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return str(
                click.prompt(
                    label,
                    default=default,
                    show_default=False,
                    hide_input=True,
                    confirmation_prompt=confirm,
                    err=True,
                )
            )
        except getpass.GetPassWarning:
            raise ClinicalError(
                "There is no terminal at which a secret could be typed without being shown",
                where=label.lower(),
                repair="Run it at a terminal, or give --secret-stdin and a line each on standard"
                " input, where the command has that option",
            ) from None


@dataclass
class Asking:
    """Asks for secrets one after the other, at the terminal or on standard input."""

    from_stdin: bool
    _lines: list[str] | None = field(default=None, repr=False)

    def secret(self, label: str = "Secret") -> str:
        """A secret.

        Raises:
            ClinicalError: standard input has no further line, or an empty one.
        """
        if not self.from_stdin:
            return hidden(label)
        found = self._next()
        if not found:
            raise ClinicalError(
                f"Standard input has no line for: {label.lower()}",
                where="--secret-stdin",
                repair="Give one line each: secret, code (may be empty), new secret",
            )
        return found

    def code(self) -> str:
        """A code of the second factor; empty where there is none."""
        if self.from_stdin:
            return self._next()
        return hidden("Code (Enter for none)", default="")

    def new_secret(self) -> str:
        """A secret to be set; at the terminal it is asked for twice."""
        if self.from_stdin:
            return self.secret("New secret")
        return hidden("New secret", confirm=True)

    def claim(self, id: str) -> "Claim":
        """Everything that proves who ``id`` is."""
        from resources.people.claims import Claim

        secret = self.secret()
        return Claim(id, secret, self.code())

    def _next(self) -> str:
        if self._lines is None:
            self._lines = sys.stdin.read().splitlines()
        return self._lines.pop(0) if self._lines else ""


def claim_of(id: str, asking: Asking, whose: str) -> "Claim":
    """What proves that ``id``, who is asked for where it is empty, is an administrator.

    Args:
        whose: register decides.

    Raises:
        ClinicalError: standard input holds the secrets, so that it cannot tell the id, too.
    """
    click.echo(f"By the register of {whose}: prove that you are an administrator.", err=True)
    if asking.from_stdin and not id:
        raise ClinicalError(
            "Standard input holds secrets only: whose they are is not given",
            where="--secret-stdin",
            repair="Give --id, too",
        )
    return asking.claim(id or str(click.prompt("Id", err=True)))


def open_register() -> "tuple[IdentityRegister, Sessions]":
    """The register of this installation, and its terminal sessions.

    Raises:
        ClinicalError: the ledger cannot be opened, or is an older one than was verified here.
    """
    from datetime import timedelta

    from resources.ledger import open_ledger
    from resources.people.identity import IdentityRegister
    from resources.people.sessions import Sessions
    from resources.settings import Settings

    settings = Settings.load()
    settings.prepare()
    ledger = open_ledger(settings)
    register = IdentityRegister(ledger.store, settings.keys)
    sessions = Sessions(
        register,
        idle=timedelta(minutes=settings.session_idle_minutes),
        longest=timedelta(hours=settings.session_hours),
    )
    return register, sessions


def logged_in_id(sessions: "Sessions") -> str:
    """Id of the person who is logged in.

    Raises:
        ClinicalError: nobody is.
    """
    actor = sessions.actor()
    if actor is None:
        raise ClinicalError(
            "Nobody is logged in at this terminal",
            where="terminal session",
            repair="Log in with `clinical login`",
        )
    return actor.id


def day(text: str | None, option: str) -> date:
    """The day in ``YYYY-MM-DD`` given with ``option``; today (UTC) where none is given.

    Raises:
        click.BadParameter: it is no day.
    """
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no day; write it as YYYY-MM-DD", param_hint=repr(option)
        ) from None
