"""The model card as Markdown."""

from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_document import card_document
from clinical_assets.evidence.document_markdown import render_markdown


def card_markdown(card: ModelCard) -> str:
    """The card as Markdown text; same card, same text."""
    return render_markdown(card_document(card))
