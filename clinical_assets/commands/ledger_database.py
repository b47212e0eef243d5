"""``clinical ledger prepare`` and ``check``: the rights on the ledger's database.

Printing only; the rights are granted and examined by ``resources.ledger_database.roles``.
"""

import sys

import click


@click.command()
@click.option("--writer", required=True, help="The role that the software connects as.")
def prepare(writer: str) -> None:
    """Make the ledger in PostgreSQL as its owner, and let WRITER append to it, and nothing more.

    Run it once with CLINICAL_LEDGER_URL naming the owner of the database, then let the software
    connect as WRITER.
    """
    from resources.ledger import open_ledger
    from resources.ledger_database.roles import prepare as grant
    from resources.settings import Settings

    ledger = open_ledger(Settings.load())
    grant(ledger.store, writer)
    click.echo(f"{writer} may append to the ledger at {ledger.store.engine.place}, and no more.")


@click.command()
def check() -> None:
    """Say what the present user of the database could do to the ledger and should not.

    For the installation's qualification. Exit status 1 if there is anything.
    """
    from clinical_assets.visible import visible
    from resources.ledger import open_ledger
    from resources.ledger_database.roles import privileges
    from resources.settings import Settings

    store = open_ledger(Settings.load()).store
    with store.reading() as connection:
        found = privileges(connection)
    for problem in found:
        click.secho(f"  {visible(problem)}", fg="red")
    if not found:
        click.secho("The database grants what appending needs, and no more.", fg="green")
    sys.exit(1 if found else 0)
