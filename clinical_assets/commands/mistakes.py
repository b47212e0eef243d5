"""How every command says what a person can repair."""

import click

from clinical_assets.visible import visible


def say(error: object) -> None:
    """One red line on standard error; what would command the terminal is shown, not sent."""
    click.secho(visible(f"Error: {error}"), fg="red", err=True)
