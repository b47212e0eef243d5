"""Every rendered form of a card and a datasheet, by its path in the package."""

from clinical_assets.canonical import canonical_json
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_cyclonedx import card_bom
from clinical_assets.evidence.card_html import render_card_html
from clinical_assets.evidence.card_markdown import render_card_markdown
from clinical_assets.evidence.datasheet import Datasheet
