"""Every form of the card shows the same facts, safely, and byte for byte the same each time."""

import dataclasses
import hashlib
import html.parser
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from clinical_assets.evidence.card import SignatureLine
from clinical_assets.evidence.card_document import card_document
from clinical_assets.evidence.card_html import card_html
from clinical_assets.evidence.card_markdown import card_markdown
from clinical_assets.evidence.document import Callout, Table, table
from clinical_assets.evidence.forms import card_forms
from tests.unit.evidence import examples

EVIL = '<script>alert("x")</script><img src=x onerror=y> | `a` **b** [c](d)'
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Outline(html.parser.HTMLParser):
    """Checks that tags nest, and collects them with ids and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"style"}:
            self.text += data


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    assert not found.open
    return found


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_page_is_well_formed_and_needs_nothing_from_outside() -> None:
    page = card_html(examples.card())
    found = outline(page)
    assert len(set(found.ids)) == len(found.ids)
    assert not {"script", "link", "iframe", "img", "object"} & set(found.tags)
    links = [v for name, v in found.attributes if name in {"href", "src", "action", "xlink:href"}]
    assert links
    assert all(link is not None and link.startswith("#") for link in links)
    assert {link[1:] for link in links if link} <= set(found.ids)
    assert "url(" not in page
    assert "@import" not in page
    outside = set(re.findall(r"https?://[^\"'\s<]+", page))
    assert outside <= {"http://www.w3.org/2000/svg"}


def test_the_page_can_be_read_without_seeing_it() -> None:
    page = card_html(examples.card())
    found = outline(page)
    assert 'lang="en"' in page
    assert found.tags.count("h1") == 1
    assert found.tags.count("svg") == found.tags.count("desc") == 5
    assert found.tags.count("table") == found.tags.count("caption")
    assert all(value == "col" for name, value in found.attributes if name == "scope")
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_markup_in_a_spec_stays_text() -> None:
    model = examples.spec(
        title=EVIL,
        developer=EVIL,
        license=EVIL,
    )
    card = examples.card(model, source=examples.source(title=EVIL, consent=EVIL))
    found = outline(card_html(card))
    assert not {"script", "img"} & set(found.tags)
    assert EVIL in found.text
    lines = card_markdown(card)
    assert "<script" not in lines.replace("\\<", "")
    assert "\\<script\\>" in lines


CHOICES = {"outcome", "bound", "rule", "basis"}


def poisoned(value: Any) -> Any:
    """The same record with markup in every text, names of mappings too, but not in choices."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in CHOICES]
        return dataclasses.replace(value, **{n: poisoned(getattr(value, n)) for n in names})
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, tuple):
        return tuple(poisoned(v) for v in value)
    if isinstance(value, dict):
        return {k + EVIL: poisoned(v) for k, v in value.items()}
    return value


def test_markup_in_any_text_of_the_card_stays_text() -> None:
    card = poisoned(examples.card(measured=examples.evaluation(champion=True)))
    found = outline(card_html(card))
    assert not {"script", "img"} & set(found.tags)
    lines = re.sub(r"`[^`]*`", "", card_markdown(card))  # code spans are literal
    assert not re.search(r"(?<!\\)<(script|img)", lines)


def test_markup_in_the_figures_stays_text() -> None:
    measured = examples.evaluation()
    bands = tuple(
        type(b)(EVIL, EVIL, b.n, b.events, b.suppressed, b.metrics) for b in measured.subgroups
    )
    page = card_html(examples.card(measured=examples.evaluation(subgroups=bands)))
    assert not {"script", "img"} & set(outline(page).tags)


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_every_readable_form_shows_every_signature_and_open_line(form: str) -> None:
    signed = SignatureLine(
        "quality", "review", "Ada Example", "2026-11-24T09:00:00Z", "quality approval"
    )
    card = examples.card(signatures=(signed,))
    text = card_markdown(card) if form == "markdown" else outline(card_html(card)).text
    for line in card.signatures:
        assert line.stage in text
        assert line.role in text
        assert line.meaning in text
    assert "Ada Example" in text
    assert "2026-11-24T09:00:00Z" in text
    assert "signatures demanded for release" in text
    assert "see the approval record" in text
    assert "recorded" not in text.partition("Signatures")[2].partition("Model details")[0]


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_every_readable_form_shows_what_is_hidden_missing_draft_or_not_better(form: str) -> None:
    card = examples.card()
    text = card_markdown(card) if form == "markdown" else outline(card_html(card)).text
    text = plain(text.replace("\\", ""))
    assert "suppressed (n<11)" in text
    assert "not computed: no one was flagged" in text
    assert text.count("not answered") >= 14
    assert "draft" in text
    assert "Not shown to be better than logistic regression, all rows" in text
    assert "reproduces the published 66 (Ripley 1996)" in text
    assert "0.839" in text
    assert "0.795 to 0.881" in text
    assert card_document(card).digest in text


def test_html_and_markdown_show_the_same_tables() -> None:
    card = examples.card(measured=examples.evaluation(champion=True))
    page = plain(outline(card_html(card)).text)
    lines = plain(card_markdown(card).replace("\\", "").replace("`", "").replace("**", ""))
    for section in card_document(card).sections:
        for block in section.blocks:
            if isinstance(block, Table):
                for cell in (c for row in block.rows for c in row):
                    assert plain(cell.text) in page
                    assert plain(cell.text) in lines


def test_a_dirty_checkout_is_said() -> None:
    clean, dirty = (
        card_document(examples.card(provenance=examples.provenance(dirty=d))).sections[-1]
        for d in (False, True)
    )
    assert not any(isinstance(b, Callout) for b in clean.blocks)
    assert any(isinstance(b, Callout) and b.tone == "caution" for b in dirty.blocks)


def test_a_failed_criterion_heads_the_card() -> None:
    weak = examples.metrics()
    del weak["auroc"]
    document = card_document(examples.card(measured=examples.evaluation(metrics=weak)))
    assert document.callouts[0].tone == "bad"
    assert "discrimination" in document.callouts[0].text
    assert document.badges[0].tone == "bad"


def test_a_card_without_gates_says_so() -> None:
    assert "No gate's verdict was recorded" in card_markdown(examples.card(gates=()))


def test_an_evaluation_with_nothing_in_it_still_renders() -> None:
    empty = examples.evaluation(
        metrics={},
        calibration_curve=(),
        roc=(),
        precision_recall=(),
        decision_curve=(),
        decision_curve_treat_all=(),
        subgroups=(),
        fairness=(),
        references=(),
    )
    forms = card_forms(examples.card(measured=empty))
    assert b"No baseline model was declared" in forms["model_card.md"]
    outline(forms["model_card.html"].decode())


def test_a_table_with_a_ragged_row_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        table("t", ("a", "b"), [("1",)])


_DIGEST = """
import hashlib
from clinical_assets.evidence.forms import card_forms
from tests.unit.evidence import examples
for name, data in card_forms(examples.card()).items():
    print(name, hashlib.sha256(data).hexdigest())
"""


def test_forms_are_the_same_bytes_in_another_process() -> None:
    here = {
        name: hashlib.sha256(data).hexdigest() for name, data in card_forms(examples.card()).items()
    }
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", _DIGEST],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
        )
        assert dict(line.split() for line in done.stdout.splitlines()) == here
