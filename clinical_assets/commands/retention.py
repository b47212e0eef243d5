"""``clinical retention``: how long records are kept, legal holds, purging.

Printing and exit codes only; the rules are in ``clinical_assets.evidence.retention``, deleting is
in ``resources.purging``.
"""

import json
from typing import TYPE_CHECKING, NoReturn

import click

from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from clinical_assets.evidence.retention import HoldEvent, Schedule

_REASON = click.option("--reason", required=True, help="Why; it is written into the ledger.")
_MATTER = click.option("--matter", default="legal hold", show_default=True, help="What it is for.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def retention() -> None:
    """Show how long records are kept; set and lift legal holds; purge what is over."""


@retention.command()
@_JSON
def show(as_json: bool) -> None:
    """Show the retention schedule and the legal holds in force."""
    from clinical_assets.canonical import to_plain
    from resources.ledger import open_ledger
    from resources.retention import holds_in_force, load_schedule
    from resources.settings import Settings

    try:
        settings = Settings.load()
        schedule = load_schedule(settings)
        holds = holds_in_force(open_ledger(settings))
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        plain = {
            "schedule": [to_plain(one) for one in schedule.values()],
            "holds": [to_plain(hold) for hold in holds],
        }
        click.echo(json.dumps(plain, ensure_ascii=False))
        return
    _print_schedule(schedule)
    _print_holds(holds)


@retention.command()
@click.argument("kind")
@click.argument("record", metavar="ID")
@_MATTER
@_REASON
@_JSON
def hold(kind: str, record: str, matter: str, reason: str, as_json: bool) -> None:
    """Keep the record ID of KIND until the hold is lifted, whatever its age.

    ID may be * for all records of the kind; KIND may be model, for everything of one model.
    """
    _change(True, kind, record, matter, reason, as_json)


@retention.command()
@click.argument("kind")
@click.argument("record", metavar="ID")
@_MATTER
@_REASON
@_JSON
def release(kind: str, record: str, matter: str, reason: str, as_json: bool) -> None:
    """Lift a hold, named as it was set."""
    _change(False, kind, record, matter, reason, as_json)


@retention.command()
@click.argument("kind")
@click.argument("record", metavar="ID")
@_REASON
@_JSON
def purge(kind: str, record: str, reason: str, as_json: bool) -> None:
    """Delete the record ID of KIND for good, if its period is over and nothing holds it.

    package MODEL/VERSION-DIGEST, snapshot SHA256 or table NAME@VERSION. A refusal is recorded.
    """
    from resources.ledger import open_ledger
    from resources.maintenance import maintaining
    from resources.purging import purge as purge_record
    from resources.references import References
    from resources.retention import load_schedule
    from resources.rights import require_right
    from resources.settings import Settings

    try:
        settings = Settings.load()
        require_right(settings, "administer")
        schedule, ledger = load_schedule(settings), open_ledger(settings)
        with maintaining(settings):
            verdict = purge_record(
                settings, ledger, schedule, References(settings), kind, record, reason=reason
            )
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        click.echo(json.dumps({"purged": {"kind": kind, "id": record}, "why": verdict.why}))
        return
    click.echo(f"Purged {kind} {record}. {verdict.why}.")
    if kind != "package" and settings.s3_options:
        click.echo("A bucket with versions or object lock keeps the bytes until its rules end.")


def _change(held: bool, kind: str, record: str, matter: str, reason: str, as_json: bool) -> None:
    from resources.ledger import open_ledger
    from resources.maintenance import maintaining
    from resources.purging import keeps_nothing
    from resources.references import References
    from resources.retention import lift_hold, load_schedule, set_hold
    from resources.rights import require_right
    from resources.settings import Settings

    try:
        settings = Settings.load()
        require_right(settings, "administer")
        act = set_hold if held else lift_hold
        with maintaining(settings):
            entry = act(
                open_ledger(settings),
                load_schedule(settings),
                kind,
                record,
                reason=reason,
                matter=matter,
            )
    except ClinicalError as error:
        _stop(error, as_json)
    word = "held" if held else "released"
    if as_json:
        click.echo(json.dumps({word: {"kind": kind, "id": record, "entry": entry.seq}}))
    else:
        click.echo(visible(f"{word.capitalize()} {kind} {record} (entry {entry.seq})."))
        if held and (why := keeps_nothing(settings, References(settings), kind, record)):
            told = f"It keeps nothing that is here now, only what may come: {why}"
            click.secho(visible(told), fg="yellow")


def _print_schedule(schedule: "Schedule") -> None:
    from clinical_assets.commands.tables import new_console, new_table

    table = new_table(("kind", "years", "purge", "rule"), wrapped="rule", right=("years",))
    for one in schedule.values():
        years = "for ever" if one.years is None else str(one.years)
        table.add_row(one.kind, years, "never" if one.never else "when over", one.source)
    new_console().print(table)


def _print_holds(holds: "tuple[HoldEvent, ...]") -> None:
    from clinical_assets.commands.tables import new_console, new_table

    if not holds:
        click.echo("No legal hold is in force.")
        return
    from rich.text import Text

    heads = ("kind", "id", "matter", "since", "by", "reason")
    table = new_table(heads, wrapped=("id", "matter", "by", "reason"))
    for one in holds:
        cells = (one.kind, one.id, one.matter, f"{one.at:%Y-%m-%d}", one.by, one.reason)
        table.add_row(*(Text(cell) for cell in cells))
    new_console().print(table)


def _stop(error: ClinicalError, as_json: bool) -> NoReturn:
    if not as_json:
        raise error
    facts = {"what": error.what, "where": error.where, "repair": error.repair}
    click.echo(json.dumps({"error": facts}, ensure_ascii=False))
    raise SystemExit(1)
