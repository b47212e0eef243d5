"""``clinical sign``: an electronic signature, all components asked for each time.

Printing and asking only: who may sign what is decided in ``clinical_assets.evidence``, the
signature itself is written by ``resources.stages``.
"""

from typing import TYPE_CHECKING

import click

from clinical_assets.commands.people_tools import hidden
from clinical_assets.commands.versions import divided, stages_of, version_of
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from clinical_assets.evidence.stage_state import StageState
    from clinical_assets.ledger.entry import Entry, Subject

_MEANINGS = ("authorship", "review", "approval", "responsibility", "rejection", "revocation")


@click.command()
@click.argument("version", metavar="MODEL[@VERSION]")
@click.option("--stage", required=True, help="The review under way, or what is decided.")
@click.option("--meaning", required=True, type=click.Choice(_MEANINGS))
@click.option("--role", default="", help="Under which of your roles; needed if it is not clear.")
@click.option("--comment", default="", help="In your words; needed to reject, revoke or decide.")
@click.option("--revokes", default="", help="SHA-256 of your signature that you revoke.")
@click.option("--id", "signer", default="", help="Your id; asked for if it is not given.")
@click.option("--zone", default="", help="Your time zone; that of this terminal if not given.")
@click.option("--secret-stdin", is_flag=True, help="Read the secret from standard input.")
def sign(
    version: str,
    stage: str,
    meaning: str,
    role: str,
    comment: str,
    revokes: str,
    signer: str,
    zone: str,
    secret_stdin: bool,
) -> None:
    """Sign a version of a model, with what the signature means.

    Id and secret are asked for at each signature, and the code of a second factor where there is
    one; a log-in does not sign. The signature covers the package's SHA-256, your name as printed,
    the time with its zone, the meaning and the state of the ledger.
    """
    from resources.actors import acting
    from resources.ledger import open_ledger
    from resources.people.authentication import Authentication
    from resources.settings import Settings
    from resources.stages import Shown

    _demand_sense(revokes, meaning)
    zone = _known_zone(zone)
    settings = Settings.load()
    ledger = open_ledger(settings)
    model, named = divided(version)
    stages = stages_of(settings, ledger, model)
    subject = version_of(stages, named)
    state = stages.state(subject)
    _announce(subject, f"{meaning} in {stage}")
    signer = signer or click.prompt("Id")
    secret, code = _components(secret_stdin)
    register = Authentication(ledger.store, settings.keys)
    person = register.authenticate_for_signing(signer, secret, code or None)
    with acting(person.actor):  # a refusal is theirs, too
        entry = stages.sign(
            subject,
            Shown(person.factors, zone),
            role=role or _role(state, stage, meaning, person.roles),
            stage=stage,
            meaning=meaning,
            comment=comment,
            revokes=revokes,
        )
    _report(entry, stages.advance(subject))


def _demand_sense(revokes: str, meaning: str) -> None:
    if bool(revokes) != (meaning == "revocation"):
        raise click.UsageError(
            "--revokes names the signature to take back, and goes with nothing"
            " but --meaning revocation"
        )


def _known_zone(given: str) -> str:
    """The zone that is given, else the terminal's.

    Raises:
        ClinicalError: there is none of that name; so it is said before anything is asked.
    """
    from datetime import UTC, datetime

    from clinical_assets.evidence.signatures import local_time
    from resources.terminal_zone import local_zone

    zone = given or local_zone()
    local_time(datetime.now(UTC), zone)
    return zone


def _announce(subject: "Subject", meaning: str) -> None:
    click.echo(f"You are about to sign {subject.id} {subject.version}")
    click.echo(f"  package, SHA-256: {subject.sha256}")
    click.echo(f"  meaning:          {visible(meaning)}")


def _report(entry: "Entry", after: "StageState") -> None:
    signed = entry.act.details
    click.secho(f"Signed by {visible(entry.act.actor.name)}", bold=True, nl=False)
    click.echo(f" as {signed.role}, {signed.local_time} ({signed.zone})")
    click.echo(f"  meaning:   {signed.meaning} in {signed.stage}")
    click.echo(f"  signature: {signed.signature_sha256} (entry {entry.seq})")
    if signed.demonstration:
        click.secho("  DEMONSTRATION: the signer is a generated person", fg="yellow")
    click.echo(f"The version is now in {after.stage}. {_waits_for(after)}".rstrip())


def _components(from_stdin: bool) -> tuple[str, str]:
    import sys

    if from_stdin:
        lines = [*sys.stdin.read().splitlines(), "", ""]
        return lines[0], lines[1]
    return hidden("Secret"), hidden("Code of your second factor (empty without one)", default="")


def _role(state: "StageState", stage: str, meaning: str, roles: tuple[str, ...]) -> str:
    """The role that can be meant; a person with several has to say which."""
    from clinical_assets.evidence.stages import TRANSITIONS

    possible: dict[str, None] = dict.fromkeys(
        a.role for a in state.policy.asked_in(stage) if meaning in (a.meaning, "rejection")
    )
    for row in TRANSITIONS:
        if row.after == stage and row.meaning == meaning:
            possible |= dict.fromkeys(row.roles)
    found = [role for role in possible if role in roles] or [r for r in roles if r != "operator"]
    if len(found) != 1:
        raise ClinicalError(
            "It is not clear under which role you sign",
            where=f"your roles: {', '.join(roles) or 'none'}",
            repair="Name one with --role",
        )
    return found[0]


def _waits_for(state: "StageState") -> str:
    if state.unexamined:
        return "It waits for an anomaly to be examined: `clinical stage show` names it."
    if state.stage == "quality approval" and not state.missing:
        return "Every signature is given: the release starts by itself where `clinical up` runs."
    waiting = [str(a) for a in state.missing if a.stage == state.stage]
    return f"It waits for {', '.join(waiting)}." if waiting else ""
