"""``clinical users …``: what administrators change."""

from pathlib import Path

import click

from clinical_assets.commands.people_tools import (
    Asking,
    day,
    logged_in_id,
    open_register,
    secret_stdin,
)
from clinical_assets.errors import ClinicalError

_output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for a service's credential, readable by you alone.",
)


@click.command()
@click.argument("id")
@click.option("--name", required=True, help="Printed name.")
@click.option("--verified-by", required=True, help="Who verified your identity.")
@click.option("--method", required=True, help="How: which document was seen, for instance.")
@click.option("--verified-on", help="Day, YYYY-MM-DD; default: today.")
@secret_stdin
def bootstrap(
    id: str, name: str, verified_by: str, method: str, verified_on: str | None, secret_stdin: bool
) -> None:
    """Enrol yourself as the first administrator; only while nobody is enrolled.

    Enrol a second administrator soon: nobody else can unlock the first one's account.
    """
    register, _ = open_register()
    on = day(verified_on, "--verified-on")
    secret = Asking(secret_stdin).new_secret()
    register.bootstrap(id, name, secret, verified_by=verified_by, method=method, on=on)
    click.echo(f"{name} is enrolled as administrator. Log in with `clinical login {id}`.")


@click.command()
@click.argument("id")
@click.option("--name", required=True, help="Printed name.")
@click.option("--role", "roles", multiple=True, help="A role; may be repeated. See docs/roles.md.")
@click.option("--method", required=True, help="How identity was verified.")
@click.option("--verified-by", help="Who verified it; default: you.")
@click.option("--verified-on", help="Day, YYYY-MM-DD; default: today.")
def enrol(
    id: str,
    name: str,
    roles: tuple[str, ...],
    method: str,
    verified_by: str | None,
    verified_on: str | None,
) -> None:
    """Enrol a person. A secret for first use is printed once; nobody can sign with it."""
    register, sessions = open_register()
    by = verified_by or logged_in_id(sessions)
    on = day(verified_on, "--verified-on")
    secret = register.enrol(id, name, roles, verified_by=by, method=method, on=on)
    click.echo(f"{name} is enrolled. Hand over this secret, which is good for 72 hours:")
    click.echo(secret)
    click.echo("It is exchanged for an own one at the first `clinical login`.")


@click.command("enrol-service")
@click.argument("id")
@click.option("--name", required=True, help="Printed name.")
@_output
def enrol_service(id: str, name: str, output: Path | None) -> None:
    """Enrol a service: a daemon, a worker, an API.

    Its credential is written to --output. On the service's machine it belongs into the folder
    `services` of CLINICAL_KEYS, as the only file there.
    """
    register, _ = open_register()
    path = _free(output)
    _keep(path, register.enrol_service(id, name))
    click.echo(f"{name} is enrolled as a service. Its credential is in {path}.")


@click.command()
@click.argument("id")
@click.option("--without-totp", is_flag=True, help="Take the second factor away: it was lost.")
@_output
def reset(id: str, without_totp: bool, output: Path | None) -> None:
    """Issue another secret: to a person for first use, to a service into --output."""
    register, _ = open_register()
    path = None if output is None else _free(output)
    secret = register.reset(id, without_totp=without_totp, service=path is not None)
    if path is not None:
        _keep(path, secret)
        click.echo(f"The new credential is in {path}; the one before is void.")
        return
    click.echo("Hand over this secret, which is good for 72 hours; the one before is void:")
    click.echo(secret)
    click.echo("The account signs nothing until somebody else confirms its owner:")
    click.echo("`clinical users confirm`, by quality or a privacy officer.")


@click.command()
@click.argument("id")
@click.option("--method", required=True, help="How it was verified that the owner has the account.")
@click.option("--verified-by", help="Who verified it; default: you.")
def confirm(id: str, method: str, verified_by: str | None) -> None:
    """Confirm an account's owner after a reset, so that they may sign again.

    Once the owner has set an own secret; not by the administrator who issued the one before.
    """
    register, sessions = open_register()
    by = verified_by or logged_in_id(sessions)
    register.confirm_owner(id, verified_by=by, method=method)
    click.echo("Confirmed. The account may sign again.")


@click.command()
@click.argument("id")
def unlock(id: str) -> None:
    """Let a locked account try again with its secret."""
    register, _ = open_register()
    register.unlock(id)
    click.echo("Unlocked.")


@click.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why; it is recorded.")
def revoke(id: str, reason: str) -> None:
    """Take an account its access, at once and for good. What it signed stays valid."""
    register, _ = open_register()
    register.revoke(id, reason)
    click.echo("Revoked. The id is never given to another.")


@click.command()
@click.argument("id")
@click.option("--grant", multiple=True, help="A role; may be repeated.")
@click.option("--withdraw", multiple=True, help="A role; may be repeated.")
def role(id: str, grant: tuple[str, ...], withdraw: tuple[str, ...]) -> None:
    """Grant and withdraw roles of somebody else."""
    if not grant and not withdraw:
        raise click.UsageError("Name a role with --grant or --withdraw.")
    register, _ = open_register()
    now = register.set_roles(id, grant=grant, withdraw=withdraw)
    click.echo(f"Roles now: {', '.join(now) or 'none'}.")


@click.command()
@click.argument("id")
@click.argument("name")
def rename(id: str, name: str) -> None:
    """Change the printed name from now on; signatures keep the one they were given under."""
    register, _ = open_register()
    register.rename(id, name)
    click.echo(f"Printed from now on: {name}.")


@click.command()
@click.argument("id")
@click.option("--course", required=True, help="What was learned.")
@click.option("--completed", required=True, help="Day, YYYY-MM-DD.")
@click.option("--expires", required=True, help="Last day on which it is valid, YYYY-MM-DD.")
def training(id: str, course: str, completed: str, expires: str) -> None:
    """Record a training of somebody else; signing needs one that has not expired."""
    from clinical_assets.people.person import Training

    learned = Training(course, day(completed, "--completed"), day(expires, "--expires"))
    register, _ = open_register()
    register.add_training(id, learned)
    click.echo(f"Recorded: {course}, valid until {expires}.")


CHANGES = (
    *(bootstrap, enrol, enrol_service, reset, confirm, unlock),
    *(revoke, role, rename, training),
)


def _free(output: Path | None) -> Path:
    """The file that a credential may be written to, looked for before one is issued."""
    if output is None or output.exists() or not output.absolute().parent.is_dir():
        raise ClinicalError(
            "A service's credential needs a new file to be written to",
            where="--output" if output is None else str(output),
            repair="Name a file that is not there yet, in a folder that is",
        )
    return output


def _keep(path: Path, secret: str) -> None:
    from resources.private_files import create_private

    if not create_private(path, secret.encode()):
        raise ClinicalError(
            "The credential was issued, but its file appeared meanwhile",
            where=str(path),
            repair="Issue another with `clinical users reset`",
        )
