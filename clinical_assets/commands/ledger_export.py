"""``clinical ledger export``: entries as files that anyone verifies without this installation."""

from pathlib import Path

import click

from clinical_assets.commands.ledger_wanted import asked_for, wanted

FORMS = ("csv", "html", "ocsf", "cef", "syslog", "fhir")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "forms",
    multiple=True,
    type=click.Choice([*FORMS, "all"]),
    help="Also in this form (may be repeated); JSON Lines are always written.",
)
@click.option("--from", "first", type=click.IntRange(0), default=0, help="First entry's number.")
@click.option("--to", "end", type=click.IntRange(0), help="Number before which it ends.")
@asked_for
def export(folder: Path, forms: tuple[str, ...], first: int, end: int | None, **asked: str) -> None:
    """Write entries into FOLDER, with what proves them and a signed manifest.

    Without a condition: every entry, or those --from … --to. With one (--subject, --actor, …): the
    entries (of those --from … --to) that answer to it, each with its own proof; that none is left
    out is then shown by the manifest's signature alone.
    """
    from resources.ledger import open_ledger
    from resources.ledger_exporting import export_ledger
    from resources.rights import require_right
    from resources.settings import Settings

    chosen = FORMS if "all" in forms else forms
    picked = wanted(**asked)
    words = ", ".join(f"{name} {value}" for name, value in asked.items() if value)
    conditional = bool(words)
    if conditional:  # the manifest says all by which entries were picked
        words += f", from {first}" * (first > 0) + f", to {end}" * (end is not None)
    settings = Settings.load()
    require_right(settings, "export")
    ledger = open_ledger(settings)
    made = export_ledger(
        ledger,
        folder,
        chosen,
        first=first,
        end=end,
        wanted=picked if conditional else None,
        by=words,
    )
    click.echo(
        f"{made.entries} entries of {made.origin} in {folder}: "
        + ", ".join(file.name for file in made.files)
    )
    click.echo("Verify them anywhere with:")
    click.echo(f"  clinical ledger verify --export {folder} --key KEY")
    click.echo("Hand the key over by another way than the export; `clinical ledger key` prints it.")
