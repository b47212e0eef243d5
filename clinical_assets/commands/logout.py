"""``clinical logout``: end the terminal session."""

import click

from clinical_assets.commands.people_tools import open_register


@click.command()
def logout() -> None:
    """Log out; from now on commands act as this installation."""
    _, sessions = open_register()
    click.echo("Logged out." if sessions.log_out() else "Nobody was logged in.")
