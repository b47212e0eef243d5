"""The approval record of a version: its state in the ledger, bound to the card in its package."""

import json

from pydantic import ValidationError

from clinical_assets.canonical import from_plain, sha256
from clinical_assets.evidence.approval_sheet import ApprovalSheet, approval_forms, approval_sheet
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.signed_card import signed_card_forms
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Subject
from resources.package_store import PackageStore
from resources.stages import Stages


def sheet_of(stages: Stages, subject: Subject, packages: PackageStore) -> ApprovalSheet:
    """The record as the ledger stands now; one state of it for stage and head alike.

    Raises:
        ClinicalError: an entry about the version was changed past the ledger.
    """
    with stages.ledger.store.reading() as connection:
        state = stages.state(subject, connection)
        head = stages.ledger.store.verified_head(connection)
    return approval_sheet(
        state,
        title=stages.spec.title,
        card_sha256=_card_digest(subject, packages),
        ledger_size=head.size,
        ledger_root=read(head.note).root.hex(),
    )


def card_of(subject: Subject, packages: PackageStore) -> ModelCard | None:
    """The card in the package; None where that is gone, or its card is of another form."""
    data = _card_bytes(subject, packages)
    try:
        return None if data is None else from_plain(ModelCard, json.loads(data))
    except (ValueError, ValidationError):
        return None


def signed_forms(
    sheet: ApprovalSheet, subject: Subject, packages: PackageStore
) -> dict[str, bytes]:
    """What is kept beside a package: approval record, and the card with the signatures given."""
    card = card_of(subject, packages)
    return approval_forms(sheet) | ({} if card is None else signed_card_forms(card, sheet))


def _card_digest(subject: Subject, packages: PackageStore) -> str:
    """SHA-256 of the card's JSON form in the package; empty where the package is gone."""
    data = _card_bytes(subject, packages)
    return "" if data is None else sha256(data)


def _card_bytes(subject: Subject, packages: PackageStore) -> bytes | None:
    folder = packages.folder_of(subject.id, subject.version, subject.sha256)
    card = folder / "card/model_card.json"
    return card.read_bytes() if card.is_file() else None
