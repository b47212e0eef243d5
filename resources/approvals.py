"""The approval record of a version: its state in the ledger, bound to the card in its package."""

from clinical_assets.canonical import sha256
from clinical_assets.evidence.approval_sheet import ApprovalSheet, approval_sheet
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


def _card_digest(subject: Subject, packages: PackageStore) -> str:
    """SHA-256 of the card's JSON form in the package; empty where the package is gone."""
    folder = packages.folder_of(subject.id, subject.version, subject.sha256)
    card = folder / "card/model_card.json"
    return sha256(card.read_bytes()) if card.is_file() else ""
