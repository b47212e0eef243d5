"""Renders a document as one self-contained HTML page: no script, no outside resource.

The page carries a content security policy that forbids both. Jinja2 escapes every text; the only
markup let through is the SVG that :mod:`clinical_assets.evidence.svg` drew, which escapes its own
texts.
"""

from clinical_assets.evidence.document import CALLOUT_LABELS, Block, Document


def render_html(document: Document) -> str:
    """The document as an HTML page ending in one newline; same document, same text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("clinical_assets.evidence", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["block_kind"] = _block_kind
    page = environment.get_template("document.html.j2").render(
        document=document, labels=CALLOUT_LABELS
    )
    return page.rstrip("\n") + "\n"


def _block_kind(block: Block) -> str:
    """Name of the template's macro for a block."""
    return type(block).__name__.lower()
