"""The model card as read after signing: the card's own content with the signatures given on it.

What belongs here: the document and its forms. What does not: the card (:mod:`.card_build`), whose
bytes are signed and stay as they are; and the approval record (:mod:`.approval_sheet`), from which
the signatures are taken. A card is made before it is signed, so it cannot show its own signatures;
whoever reads it later is to see them all the same (P11-13, P11-14), and that a signer was generated
for a demonstration. Every other section is word for word the card's.
"""

from dataclasses import replace

from clinical_assets.evidence.approval_sheet import (
    ApprovalSheet,
    approval_badges,
    approval_callouts,
    demanded_section,
    signatures_section,
)
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_document import card_document
from clinical_assets.evidence.document import Callout, Document, Paragraph, Section
from clinical_assets.evidence.document_html import render_html
from clinical_assets.evidence.document_markdown import render_markdown


def signed_card_forms(card: ModelCard, sheet: ApprovalSheet) -> dict[str, bytes]:
    """``card_with_signatures.html`` and ``.md``; data of both are the card's and the record's."""
    document = signed_card_document(card, sheet)
    return {
        "card_with_signatures.html": render_html(document).encode(),
        "card_with_signatures.md": render_markdown(document).encode(),
    }


def signed_card_document(card: ModelCard, sheet: ApprovalSheet) -> Document:
    """The card's document with the signatures of ``sheet`` in the place of what it demands."""
    plain = card_document(card)
    standing = Callout(
        "note",
        f"This is the model card of SHA-256 {plain.digest}, which the package holds and the "
        "signatures cover, shown with what was signed after it was made: as the ledger stood with "
        f'{sheet.ledger_size:,} entries. The command "clinical stage show {sheet.model}" tells '
        "how it stands now.",
    )
    return replace(
        plain,
        kind="Model card with signatures",
        badges=(*plain.badges[:-1], *approval_badges(sheet)),
        callouts=(*approval_callouts(sheet), standing, *plain.callouts),
        sections=tuple(
            _signed(section, sheet) if section.anchor == "signatures" else section
            for section in plain.sections
        ),
    )


def _signed(section: Section, sheet: ApprovalSheet) -> Section:
    told = Paragraph(
        "The package that holds this card was signed after the card was made; these signatures are "
        "those of the approval record."
    )
    given, demanded = signatures_section(sheet), demanded_section(sheet)
    return replace(section, blocks=(told, *given.blocks, *demanded.blocks))
