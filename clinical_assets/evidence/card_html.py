"""The model card as one self-contained HTML page."""

from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_document import card_document
from clinical_assets.evidence.document_html import render_html


def card_html(card: ModelCard) -> str:
    """The card as an HTML page without script or outside resource; same card, same page."""
    return render_html(card_document(card))
