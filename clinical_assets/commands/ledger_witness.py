"""``clinical ledger witness`` and ``clinical ledger key``: checkpoints elsewhere, and keys."""

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from clinical_assets.commands.people_tools import Asking, claim_of, secret_stdin
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from resources.witnessing import Published, Witnessing


@click.command()
@click.option("--publish/--status", default=False, help="Publish a checkpoint, or only show.")
def witness(publish: bool) -> None:
    """Show the witnesses that hold the ledger's checkpoints, or publish one now.

    Exit status 1 if a witness is behind or did not answer, holds another history than this ledger,
    or notes that no known key signed.
    """
    from datetime import UTC, datetime

    from resources.settings import Settings
    from resources.witnessing import Compared

    settings = Settings.load()
    opened = _opened()
    found: Published | Compared
    if publish:
        found = opened.publish()
        behind = found.behind
    else:
        found = opened.compare()
        behind = opened.spool.overdue(datetime.now(UTC))
    problems = found.contradictions if isinstance(found, Compared) else ()
    late = {b.witness: b for b in behind}
    for place in opened.spool.witnesses:
        waiting = late.get(place.name)
        state = "has every checkpoint that was published"
        if waiting is not None:
            state = f"lacks {waiting.waiting} checkpoints since {waiting.since:%Y-%m-%d %H:%M} UTC"
            state += f" ({waiting.why})" if waiting.why else ""
        click.echo(visible(f"{place.name}: {state}"))
    for problem in problems:
        click.secho(visible(f"  {problem}"), fg="red")
    for name in found.silent:
        words = f"  {name} did not answer: whether it agrees is not known"
        click.secho(visible(words), fg="yellow")
    for finding in found.findings:
        click.secho(visible(f"  {finding}"), fg="yellow")
    if settings.witnesses == (f"folder:{settings.store / 'witness'}",):
        click.echo(
            "This witness lies beside the ledger: it finds mistakes, not intruders."
            " CLINICAL_WITNESSES names a second place (docs/witnesses.md)."
        )
    sys.exit(1 if behind or problems or found.silent or found.findings else 0)


@click.group(invoke_without_command=True)
@click.pass_context
def key(context: click.Context) -> None:
    """Print the public keys whose checkpoints count, the one in force first; or change them."""
    if context.invoked_subcommand is not None:
        return
    opened = _opened()
    current = opened.keys.signing(opened.ledger.store.origin).public
    click.echo(str(current))
    for other in opened.keys.trusted():
        if other != current:
            click.echo(str(other))


@key.command()
@click.option("--reason", required=True, help="Why, for the ledger.")
@click.option("--id", "changer", default="", help="Your id, where the key is lost.")
@secret_stdin
def rotate(reason: str, changer: str, secret_stdin: bool) -> None:
    """Put a new signing key in force; checkpoints of the old one go on to verify.

    An administrator has to be logged in. Where the private key is lost nobody can log in: then the
    command asks for id, secret and second factor (or takes --id and --secret-stdin), and proof and
    new key are the first entries under it.
    """
    from resources.key_changes import replace_lost_key, rotate_key
    from resources.ledger_memory import contradicts_seen
    from resources.rights import require_right
    from resources.settings import Settings

    settings, opened = Settings.load(), _opened(older=True)
    size = opened.ledger.store.head().size
    if opened.keys.is_lost(opened.ledger.store.origin):
        claim = partial(claim_of, changer, Asking(secret_stdin), "this ledger")
        old, new = replace_lost_key(opened, settings.keys, reason, id=changer, claim=claim)
        what = "Lost:     "
    else:
        require_right(settings, "administer")
        old, new = rotate_key(opened, reason)
        what = "Retired:  "
    click.echo(f"In force:  {new}")
    click.echo(f"{what} {old}")
    click.echo("Hand the new key to whoever verifies.")
    if older := contradicts_seen(opened.ledger):
        told = f"The ledger has a key again, but {older}. Next, answer for what was lost:"
        click.secho(visible(told), fg="yellow", bold=True)
        click.echo(f"  clinical backup acknowledge --id ID --kept {size} --reason …")


@key.command()
@click.argument("vkey")
@click.option("--reason", required=True, help="Why, for the ledger.")
def withdraw(vkey: str, reason: str) -> None:
    """Let the signatures of a stolen key count no longer; rotate it first."""
    from resources.key_changes import withdraw_key
    from resources.rights import require_right
    from resources.settings import Settings

    require_right(Settings.load(), "administer")
    click.echo(f"Withdrawn: {withdraw_key(_opened(), vkey, reason)}")


def _opened(*, older: bool = False) -> "Witnessing":
    from resources.ledger import open_ledger
    from resources.ledger_keys import LedgerKeys
    from resources.settings import Settings
    from resources.witnessing import Witnessing

    settings = Settings.load()
    keys = LedgerKeys(settings.keys)
    ledger = open_ledger(settings, older=older)
    return Witnessing.of(ledger, keys, settings.witnesses, settings.s3_options)
