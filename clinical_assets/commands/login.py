"""``clinical login``: begin a terminal session."""

import click

from clinical_assets.commands.people_tools import Asking, open_register, secret_stdin


@click.command()
@click.argument("id")
@secret_stdin
def login(id: str, secret_stdin: bool) -> None:
    """Log in as ID; acts of this terminal's commands are yours until you log out.

    The session ends when it is idle (15 minutes) or old (8 hours). An issued secret is exchanged
    for one of your own first. A session never signs: signing asks for everything again.
    """
    from resources.people.claims import MustChangeSecretError

    _, sessions = open_register()
    asking = Asking(secret_stdin)
    claim = asking.claim(id)
    try:
        actor = sessions.log_in(claim)
    except MustChangeSecretError as error:
        click.echo(f"{error.what}.", err=True)
        actor = sessions.log_in(claim, new=asking.new_secret())
    minutes, hours = sessions.idle.seconds // 60, sessions.longest.total_seconds() / 3600
    click.echo(f"Logged in as {actor.name} ({actor.id}), for {hours:g} hours at most.")
    click.echo(f"The session ends after {minutes} minutes without a command.")
