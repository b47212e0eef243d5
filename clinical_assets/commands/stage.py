"""``clinical stage``: where the versions of a model stand, and how they came there.

Printing only: the state is a fold over the ledger (``clinical_assets.evidence.stage_fold``).
"""

import json
import sys
from typing import TYPE_CHECKING

import click

from clinical_assets.commands.versions import divided, stages_of, version_of
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from clinical_assets.evidence.approval_sheet import ApprovalSheet
    from resources.stages import Stages


@click.group()
def stage() -> None:
    """Show the stages, signatures and gates of a model's versions."""


@stage.command()
@click.argument("version", metavar="MODEL[@VERSION]")
@click.option("--html", "as_html", is_flag=True, help="Print the approval record as a web page.")
@click.option("--card", "as_card", is_flag=True, help="Print card and signatures as a web page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(version: str, as_html: bool, as_card: bool, as_json: bool) -> None:
    """Show the approval record of a version: stage, signatures, what is missing.

    Exit status 1 if the version may not be used: it is not released, a signature does not hold, or
    MLflow's champion is another than the ledger's.
    """
    from clinical_assets.evidence.approval_sheet import approval_forms

    stages, sheet = _sheet(version)
    problem = _not_in_force(stages, sheet)
    forms = approval_forms(sheet)
    if as_json:
        record = json.loads(forms["approval_record.json"])
        click.echo(json.dumps({**record, "in_force": not problem, "why_not": problem}))
    elif as_card:
        click.echo(_card_page(sheet))
    elif as_html:
        click.echo(forms["approval_record.html"].decode())
    else:
        click.echo(forms["approval_record.txt"].decode())
        generated = any(s.demonstration for s in sheet.signatures if s.standing == "valid")
        good = "In force, by signatures of generated people." if generated else "In force."
        click.echo(visible(f"Not to be used: {problem}.") if problem else good)
    sys.exit(1 if problem else 0)


@stage.command()
@click.argument("version", metavar="MODEL[@VERSION]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def history(version: str, as_json: bool) -> None:
    """Show every entry of the ledger about a version's stage: moves, signatures, refusals."""
    from clinical_assets.commands.ledger import print_rows
    from resources.ledger import open_ledger
    from resources.ledger_database.reader import Wanted
    from resources.settings import Settings

    settings = Settings.load()
    ledger = open_ledger(settings)
    model, named = divided(version)
    subject = version_of(stages_of(settings, ledger, model), named)
    actions = (
        "package.built",
        "stage.changed",
        "stage.refused",
        "signature.given",
        "signature.refused",
        "registry.changed",
        "registry.contradicted",
        "model.refused",
    )
    wanted = Wanted(subject_kind=subject.kind, subject_id=subject.id, actions=actions)
    rows = [
        row
        for row in ledger.reader.find(wanted)
        if json.loads(row.body)["subject"]["version"] == subject.version
    ]
    print_rows(rows, as_json)


def _sheet(version: str) -> "tuple[Stages, ApprovalSheet]":
    from resources.approvals import sheet_of
    from resources.ledger import open_ledger
    from resources.package_store import PackageStore
    from resources.settings import Settings

    settings = Settings.load()
    model, named = divided(version)
    stages = stages_of(settings, open_ledger(settings), model)
    packages = PackageStore(settings.packages, settings.keys)
    return stages, sheet_of(stages, version_of(stages, named), packages)


def _card_page(sheet: "ApprovalSheet") -> str:
    from clinical_assets.errors import ClinicalError
    from clinical_assets.evidence.signed_card import signed_card_forms
    from clinical_assets.evidence.stage_fold import version_subject
    from resources.approvals import card_of
    from resources.package_store import PackageStore
    from resources.settings import Settings

    settings = Settings.load()
    subject = version_subject(sheet.model, sheet.version, sheet.package_sha256)
    card = card_of(subject, PackageStore(settings.packages, settings.keys))
    if card is None:
        raise ClinicalError(
            "The card in the package is gone, or is of another form than this software writes",
            where=f"{sheet.model} {sheet.version}",
            repair="`clinical package verify` tells which; --html shows the signatures without it",
        )
    return signed_card_forms(card, sheet)["card_with_signatures.html"].decode()


def _not_in_force(stages: "Stages", sheet: "ApprovalSheet") -> str:
    from resources.in_force import InForce
    from resources.mlflow_registry import Registry
    from resources.package_store import PackageStore
    from resources.settings import Settings

    settings = Settings.load()
    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
    packages = PackageStore(settings.packages, settings.keys)
    in_force = InForce(stages.spec, stages.ledger, registry, packages)
    subject = in_force.subject()
    if problem := in_force.problem():
        return problem
    if subject is not None and subject.sha256 != sheet.package_sha256:
        return f"{subject.version} ({subject.sha256[:8]}) is in force"
    return ""
