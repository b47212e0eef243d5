"""``clinical ledger``: show, prove and verify what happened.

Printing and exit codes only: entries come from ``resources.ledger_reader``, and what has to hold
of them is decided in ``clinical_assets.ledger``.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from clinical_assets.ledger.entry import Entry
    from clinical_assets.ledger.verification import Row
    from resources.ledger import Ledger
    from resources.ledger_reader import Wanted
    from resources.settings import Settings


@click.group()
def ledger() -> None:
    """Show, prove and verify the ledger of every act."""


def _open() -> "tuple[Settings, Ledger]":
    from resources.ledger import open_ledger
    from resources.settings import Settings

    settings = Settings.load()
    return settings, open_ledger(settings)


@ledger.command()
@click.option("--subject", default="", help="What was acted upon, as KIND:ID or ID.")
@click.option("--actor", default="", help="Id of the person or service.")
@click.option("--action", default="", help="One action, or a kind of actions: 'signature.'")
@click.option("--outcome", default="", help="done, intended, failed, refused or interrupted.")
@click.option("--run", default="", help="Id of a Dagster run.")
@click.option("--act", default="", help="Name of one act: all its entries.")
@click.option(
    "--since", default="", help="From this time on (UTC), e.g. 2026-11-24 or …T12:00:00Z."
)
@click.option("--until", default="", help="Before this time (UTC).")
@click.option("--newest", type=click.IntRange(1), help="Only the newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def show(newest: int | None, as_json: bool, **asked: str) -> None:
    """Show entries by subject, actor, action and time, the oldest first."""
    _, opened = _open()
    print_rows(opened.reader.find(_wanted(**asked), newest=newest), as_json)


@ledger.command()
@click.option("-n", "--newest", type=click.IntRange(1), default=20, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def tail(newest: int, follow: bool, as_json: bool) -> None:
    """Show the newest entries."""
    from resources.ledger_reader import Wanted

    _, opened = _open()
    rows = opened.reader.find(Wanted(), newest=newest)
    print_rows(rows, as_json)
    after = rows[-1].seq + 1 if rows else 0
    while follow:
        import time

        time.sleep(1.0)
        new = list(opened.reader.rows(after))
        if new:
            print_rows(new, as_json)
            after = new[-1].seq + 1


@ledger.command()
@click.argument("seq", type=click.IntRange(0))
@click.option("--json", "as_json", is_flag=True, help="Print the proof as one JSON object.")
def prove(seq: int, as_json: bool) -> None:
    """Prove that entry SEQ is in the tree of the newest signed checkpoint.

    The JSON form is what someone else needs to check it: entry, hashes, signed checkpoint.
    """
    from clinical_assets.ledger.checkpoint import verify as verify_note
    from clinical_assets.ledger.merkle import leaf_hash, verify_inclusion

    _, opened = _open()
    opened.reader.entry(seq)  # says so where there is none
    note = opened.store.checkpoint()
    stated = verify_note(note, opened.store.keys.trusted())
    row = next(opened.reader.rows(seq, seq + 1))
    proof = opened.reader.inclusion(seq, stated.size)
    leaf = leaf_hash(row.body)
    holds = verify_inclusion(seq, stated.size, leaf, proof, stated.root)
    if as_json:
        found = {
            "seq": seq,
            "entry": row.body.decode(),
            "leaf": leaf.hex(),
            "proof": [node.hex() for node in proof],
            "checkpoint": note,
            "holds": holds,
        }
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        print_rows([row], as_json=False)
        for node in [leaf, *proof]:
            click.echo(f"  {node.hex()}")
        click.echo(
            f"{'Holds' if holds else 'DOES NOT HOLD'}: entry {seq} and {len(proof)} hashes "
            f"{'give' if holds else 'do not give'} the root of {stated.size} entries,"
            f" {stated.root.hex()}"
        )
    raise SystemExit(0 if holds else 1)


@ledger.command()
def key() -> None:
    """Print the public keys whose checkpoints count here, one a line, the one in force first."""
    _, opened = _open()
    current = opened.store.keys.signing(opened.store.origin).public
    click.echo(str(current))
    for other in opened.store.keys.trusted():
        if other != current:
            click.echo(str(other))


def print_rows(rows: "Sequence[Row]", as_json: bool) -> None:
    """Prints entries, as text or one JSON object a line."""
    from clinical_assets.ledger.entry import read_entry

    if as_json:
        for row in rows:
            click.echo(json.dumps(json.loads(row.body)))  # escapes what a terminal would obey
        return
    if not rows:
        click.echo("No entry answers to that.", err=True)
        return
    _print_entries([read_entry(row.body) for row in rows])


def _print_entries(entries: "Sequence[Entry]") -> None:
    """Two lines an entry: they fit every terminal, and tables of this do not."""
    from clinical_assets.commands.entry_text import said, what, who

    width = len(str(entries[-1].seq))
    colours = {"refused": "red", "failed": "red", "interrupted": "yellow"}
    for entry in entries:
        act = entry.act
        outcome = "" if act.outcome == "done" else f" ({act.outcome})"
        action = click.style(act.action + outcome, bold=True, fg=colours.get(act.outcome))
        click.echo(f"{entry.seq:>{width}}  {entry.at:%Y-%m-%d %H:%M:%S}  {action}  {what(entry)}")
        click.echo(f"{'':{width}}  by {who(entry)}  {said(entry)}".rstrip())


def _wanted(
    subject: str,
    actor: str,
    action: str,
    outcome: str,
    run: str,
    act: str,
    since: str,
    until: str,
) -> "Wanted":
    from resources.ledger_reader import Wanted

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
