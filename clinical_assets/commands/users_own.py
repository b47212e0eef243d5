"""``clinical users …``: what people do about their own account, each time showing their secret."""

import click

from clinical_assets.commands.people_tools import (
    Asking,
    logged_in_id,
    open_register,
    secret_stdin,
)


@click.command()
@click.option("--id", "id_", help="Your id; default: who is logged in.")
@secret_stdin
def accept(id_: str | None, secret_stdin: bool) -> None:
    """Read and accept the accountability statement; without it nobody signs."""
    from clinical_assets.people.statement import TEXT, VERSION
    from resources.people.own_account import accept_statement

    register, sessions = open_register()
    id_ = id_ or logged_in_id(sessions)
    click.echo(f"Accountability statement, version {VERSION}:\n\n{TEXT}")
    click.echo("You accept it by showing your secret.")
    accept_statement(register, Asking(secret_stdin).claim(id_))
    click.echo("Accepted.")


@click.command()
@click.option("--id", "id_", help="Your id; default: who is logged in.")
@secret_stdin
def secret(id_: str | None, secret_stdin: bool) -> None:
    """Set another secret; sessions end."""
    register, sessions = open_register()
    id_ = id_ or logged_in_id(sessions)
    asking = Asking(secret_stdin)
    claim = asking.claim(id_)
    register.change_secret(claim, asking.new_secret())
    click.echo("The secret is changed. Log in again with `clinical login`.")


@click.command()
@click.option("--id", "id_", help="Your id; default: who is logged in.")
def totp(id_: str | None) -> None:
    """Set a second factor: codes of an app, asked for at every log-in and signature (RFC 6238)."""
    from resources.people.own_account import set_second_factor

    register, sessions = open_register()
    id_ = id_ or logged_in_id(sessions)
    key = register.second_factor.new_key()
    click.echo("Put this key, or this address as a QR code, into the app; it is shown only now:")
    click.echo(key)
    click.echo(register.second_factor.address(key, id_))
    asking = Asking(from_stdin=False)
    claim = asking.claim(id_)
    code = str(click.prompt("Code of the new second factor", err=True))
    set_second_factor(register, claim, key, code)
    click.echo("From now on a code is asked for at every log-in and signature.")


OWN = (accept, secret, totp)
