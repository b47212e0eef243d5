"""``clinical ledger``: show, prove and verify what happened.

Printing and exit codes only: entries come from ``resources.ledger_database.reader``, and what
has to hold of them is decided in ``clinical_assets.ledger``.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from clinical_assets.commands.ledger_database import check, prepare
from clinical_assets.commands.ledger_export import export
from clinical_assets.commands.ledger_verify import verify
from clinical_assets.commands.ledger_wanted import asked_for, wanted
from clinical_assets.commands.ledger_witness import key, witness
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from clinical_assets.ledger.checkpoint import Checkpoint
    from clinical_assets.ledger.entry import Entry
    from clinical_assets.ledger.verification import Row
    from resources.ledger import Ledger
    from resources.settings import Settings


@click.group()
def ledger() -> None:
    """Show, prove and verify the ledger of every act."""


def _open() -> "tuple[Settings, Ledger]":
    from resources.ledger import open_ledger
    from resources.settings import Settings

    settings = Settings.load()
    return settings, open_ledger(settings, older=True)


@ledger.command()
@asked_for
@click.option("--newest", type=click.IntRange(1), help="Only the newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def show(newest: int | None, as_json: bool, **asked: str) -> None:
    """Show entries by subject, actor, action and time, the oldest first."""
    _, opened = _open()
    print_rows(opened.reader.find(wanted(**asked), newest=newest), as_json)


@ledger.command()
@click.option("-n", "--newest", type=click.IntRange(1), default=20, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def tail(newest: int, follow: bool, as_json: bool) -> None:
    """Show the newest entries."""
    from resources.ledger_database.reader import Wanted

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
        _print_proof(leaf, proof, stated)
        used = f"entry {seq} and {len(proof)} hashes"
        if holds:
            click.secho(f"Holds: {used} give the root of {stated.size} entries.", fg="green")
        else:
            said = f"DOES NOT HOLD: {used} do not give the root of {stated.size} entries."
            click.secho(said, fg="red", bold=True)
    raise SystemExit(0 if holds else 1)


def _print_proof(leaf: bytes, proof: "Sequence[bytes]", stated: "Checkpoint") -> None:
    click.echo(f"hash of the entry (leaf): {leaf.hex()}")
    for place, node in enumerate(proof, start=1):
        click.echo(f"{f'hash {place} on the way up:':<25} {node.hex()}")
    click.echo(f"{'root in the checkpoint:':<25} {stated.root.hex()}")
    click.echo(
        f"{'signed by:':<25} checkpoint of {stated.size} entries of {visible(stated.origin)}"
    )


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
    """A block an entry, as wide as the terminal.

    Where the output is no terminal every line begins with the entry's number, so that a line that
    a search finds tells which entry it belongs to.
    """
    import shutil
    import sys

    from clinical_assets.commands.entry_text import laid_out, told, what

    digits = len(str(entries[-1].seq))
    room = shutil.get_terminal_size((100, 24)).columns - digits - 2
    colours = {"refused": "red", "failed": "red", "interrupted": "yellow"}
    for entry in entries:
        act = entry.act
        outcome = "" if act.outcome == "done" else f" ({act.outcome})"
        action = click.style(act.action + outcome, bold=True, fg=colours.get(act.outcome))
        number = f"{entry.seq:>{digits}}"
        click.echo(f"{number}  {entry.at:%Y-%m-%d %H:%M:%S}  {action}  {what(entry)}")
        begun = " " * digits if sys.stdout.isatty() else number
        for line in laid_out(told(entry), room):
            click.echo(f"{begun}  {line}")


for command in (verify, export, witness, key, prepare, check):
    ledger.add_command(command)
