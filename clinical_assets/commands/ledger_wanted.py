"""The conditions by which entries of the ledger are asked for, as options of commands."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from resources.ledger_database.reader import Wanted

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    ("--subject", "What was acted upon, as KIND:ID or ID."),
    ("--actor", "Id of the person or service."),
    ("--action", "One action, or a kind of actions: 'signature.'"),
    ("--outcome", "done, intended, failed, refused or interrupted."),
    ("--run", "Id of a Dagster run."),
    ("--act", "Name of one act: all its entries."),
    ("--since", "From this time on (UTC): 2026-11-24 or 2026-11-24T12:00:00Z."),
    ("--until", "Before this time (UTC)."),
)


def asked_for(command: Command) -> Command:
    """Gives a command the options that :func:`wanted` takes."""
    for name, words in reversed(_OPTIONS):
        command = click.option(name, default="", help=words)(command)
    return command


def wanted(
    subject: str,
    actor: str,
    action: str,
    outcome: str,
    run: str,
    act: str,
    since: str,
    until: str,
) -> "Wanted":
    """The conditions that the options state.

    Raises:
        ClinicalError: a time is none, or there is no such action or outcome.
    """
    from clinical_assets.ledger.actions import ACTIONS
    from clinical_assets.ledger.entry import OUTCOMES
    from resources.ledger_database.reader import Wanted

    _demand_known(action, ACTIONS, "action")
    _demand_known(outcome, OUTCOMES, "outcome")
    kind, found, name = subject.partition(":")
    return Wanted(
        subject_kind=kind if found else "",
        subject_id=name if found else subject,
        actor=actor,
        action=action,
        outcome=outcome,
        run=run,
        act=act,
        since=_time(since),
        until=_time(until),
    )


def _demand_known(asked: str, names: Iterable[str], what: str) -> None:
    """Refuses a misspelt name, which would find nothing and look as if nothing had happened."""
    from difflib import get_close_matches

    known = list(names)
    kinds = dict.fromkeys(f"{name.partition('.')[0]}." for name in known if "." in name)
    if not asked or asked in known or asked in kinds:
        return
    close = get_close_matches(asked, [*known, *kinds], n=3, cutoff=0.5)
    raise ClinicalError(
        f"There is no {what} {asked!r} in any ledger",
        where=f"--{what}",
        repair=f"Did you mean {' or '.join(close)}?"
        if close
        else f"Known: {', '.join(kinds or known)}",
    )


def _time(text: str) -> str:
    from datetime import UTC, datetime

    from clinical_assets.ledger.entry import time_text

    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ClinicalError(
            f"{text!r} is no time",
            where="--since, --until",
            repair="Write it like 2026-11-24 or 2026-11-24T12:00:00Z",
        ) from None
    return time_text(found.replace(tzinfo=found.tzinfo or UTC))
