"""The doctests of the documents' modules, and the corners of their wording."""

import doctest
import importlib

import pytest

from clinical_assets.evidence.document_markdown import escape
from clinical_assets.evidence.wording import compact, estimate_text, number, plural
from clinical_assets.modelling.records import Estimate

MODULES = (
    "card_source_attributes",
    "card_statements",
    "document_markdown",
    "licences",
    "lock",
    "metric_names",
    "suppression",
    "svg",
    "wording",
)


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    module = importlib.import_module(f"clinical_assets.evidence.{name}")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("value", "digits", "signed", "text"),
    [
        (-0.0001, 3, False, "0.000"),
        (-0.0, 2, True, "0.00"),
        (0.0004, 3, True, "0.000"),
        (66.0, 0, False, "66"),
        (-1.5, 1, True, "−1.5"),
    ],
)
def test_numbers_round_without_a_negative_zero(
    value: float, digits: int, signed: bool, text: str
) -> None:
    assert number(value, digits, signed=signed) == text


def test_estimates_say_why_they_are_not_there() -> None:
    assert estimate_text(Estimate(None, None, None, 5, 0)) == "not computed: no reason recorded"
    assert estimate_text(Estimate(0.5, None, 0.6, 5, 1)) == "0.500 (no interval)"


def test_small_words() -> None:
    assert compact(1e-05) == "1e-05"
    assert plural(0, "gate") == "0 gates"


def test_markdown_control_characters_are_escaped() -> None:
    escaped = escape("a|b *c* _d_ `e` [f](g) <h> # ~ & \\")
    for character in "|*_`[]<>#~&":
        assert f"\\{character}" in escaped
    assert "\n" not in escape("a\n\n# b")
