"""The card as read after signing: its own words, every signature, a demonstration's mark."""

import pytest

from clinical_assets.evidence.approval_sheet import DEMONSTRATION
from clinical_assets.evidence.card_document import card_document
from clinical_assets.evidence.forms import card_forms
from clinical_assets.evidence.signed_card import signed_card_document, signed_card_forms
from tests.unit.evidence import examples
from tests.unit.evidence.signed_version import history
from tests.unit.evidence.test_approval_sheet import eventful, flat, sheet_of, shown, unseen
from tests.unit.evidence.test_card_forms import outline

FORMS = ("card_with_signatures.html", "card_with_signatures.md")


@pytest.mark.parametrize("form", FORMS)
def test_each_form_shows_every_signature_and_the_mark(form: str) -> None:
    sheet = sheet_of(eventful())
    text = shown(form, signed_card_forms(examples.card(), sheet)[form])
    assert len(sheet.signatures) > 3
    for signature in sheet.signatures:
        assert unseen(signature, text) == []
    assert text.index(DEMONSTRATION) < text.index(
        "Intended use"
    )  # at the head, not in a table only
    assert "not for use" in text
    assert "see the approval record" not in text


@pytest.mark.parametrize("form", FORMS)
def test_a_released_version_says_so_and_bears_no_mark(form: str) -> None:
    sheet = sheet_of(history(until="released"))
    text = shown(form, signed_card_forms(examples.card(), sheet)[form])
    assert DEMONSTRATION not in text
    given = len(sheet.approvals)
    assert f"{given} of {given} demanded signatures valid" in text
    assert "released" in text


@pytest.mark.parametrize("form", FORMS)
def test_without_a_signature_it_says_that_none_was_given(form: str) -> None:
    sheet = sheet_of(history(until="clinical review"))
    assert "No signature was given." in shown(form, signed_card_forms(examples.card(), sheet)[form])


def test_everything_else_is_word_for_word_the_card() -> None:
    card, sheet = examples.card(), sheet_of(eventful())
    plain, signed = card_document(card), signed_card_document(card, sheet)
    others = [s for s in plain.sections if s.anchor != "signatures"]
    assert [s for s in signed.sections if s.anchor != "signatures"] == others
    assert [s.anchor for s in signed.sections] == [s.anchor for s in plain.sections]
    assert signed.tiles == plain.tiles
    assert set(plain.callouts) <= set(signed.callouts)
    assert signed.digest == plain.digest
    assert plain.digest in flat(outline(signed_card_forms(card, sheet)[FORMS[0]].decode()).text)


def test_the_signed_bytes_stay_as_they_are() -> None:
    card = examples.card()
    before = card_forms(card)
    signed_card_forms(card, sheet_of(eventful()))
    assert card_forms(card) == before
