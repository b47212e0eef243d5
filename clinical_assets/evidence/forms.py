"""Every file form of a card and of a datasheet, by file name, as bytes.

One object, several renderings: whoever writes files (the package, the snapshot store) takes them
from here and adds nothing.
"""

from clinical_assets.canonical import canonical_json
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_cyclonedx import card_cyclonedx
from clinical_assets.evidence.card_html import card_html
from clinical_assets.evidence.card_markdown import card_markdown
from clinical_assets.evidence.datasheet import Datasheet
from clinical_assets.evidence.datasheet_document import datasheet_html, datasheet_markdown


def card_forms(card: ModelCard) -> dict[str, bytes]:
    """``model_card.json``, ``.md``, ``.html`` and ``.cdx.json`` (CycloneDX 1.6)."""
    return {
        "model_card.json": canonical_json(card),
        "model_card.md": card_markdown(card).encode(),
        "model_card.html": card_html(card).encode(),
        "model_card.cdx.json": card_cyclonedx(card),
    }


def datasheet_forms(sheet: Datasheet) -> dict[str, bytes]:
    """``datasheet.json``, ``.md`` and ``.html``."""
    return {
        "datasheet.json": canonical_json(sheet),
        "datasheet.md": datasheet_markdown(sheet).encode(),
        "datasheet.html": datasheet_html(sheet).encode(),
    }
