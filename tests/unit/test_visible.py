"""Text made visible for the eye: nothing is obeyed, nothing is escaped twice, nothing raises."""

import re

from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.visible import visible

EVERYTHING = "".join(map(chr, range(0x110000)))
OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@given(st.text(st.characters()))
def test_made_visible_again_it_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_no_character_that_a_terminal_obeys_is_left() -> None:
    assert not OBEYED.search(visible(EVERYTHING))
    visible(EVERYTHING).encode()  # lone surrogates, too


def test_what_people_write_stays_as_it_is() -> None:
    for text in (r"C:\data\new", " Zoë  O'Neill ", "می\u200cخواهم", "漢字 🙂"):
        assert visible(text) == text


def test_a_value_that_has_to_come_back_is_told_apart_from_its_escape() -> None:
    assert visible("\n", exact=True) != visible(r"\n", exact=True)
    assert visible(" a ", exact=True) == r"\u0020a\u0020"
