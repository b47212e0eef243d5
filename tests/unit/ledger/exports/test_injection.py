"""Log injection: whatever a field holds, one entry stays one record and the value comes back."""

import json
import re
import unicodedata
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Act, Actor, Entry, Origin, Subject
from clinical_assets.ledger.exports.forms import CURRENT
from clinical_assets.ledger.exports.record import About, Record
from clinical_assets.ledger.merkle import leaf_hash
from clinical_assets.visible import visible
from tests.unit.ledger.examples import APPROVED, BEGAN
from tests.unit.ledger.exports.folders import AT
from tests.unit.ledger.exports.parsers import PARSERS, Fields, page, undone

NASTY = [
    "two\nlines",
    "return\rhome\r\n",
    "a|b||c|",
    "back\\slash\\\\ \\n \\u202e \\",
    "k=v msg=forged cs1=x a\\=b",
    'quote" "" \' `',
    'bracket] ]] [entry@32473 seq="9"]',
    "<13>1 2026-11-24T12:00:00Z - forged - - - x",
    "CEF:0|x|y|1|2|3|9|suid=forged",
    "\x00\x01\x07\x08\x0b\x0c\x1b[31mred\x1b[0m\x7f\x80\x85\x9b",
    "\u202eevil\u202c \u2066x\u2069 \u200f\u061c",
    "\u2028line\u2029para\ufeff\u200b\u00ad",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'quoted",
    "''twice",
    "  =1",
    "\t=1",
    "\u3000=1",
    "\N{FULLWIDTH EQUALS SIGN}1",
    '=HYPERLINK("http://x.example","y")',
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=y>",
    "{{ 7*7 }} {% raw %} &amp; &#34; &lt;",
    '{"seq":0}\n{"seq":1}',
    ',",\r\n',
    " edge ",
    " ",
    "\ud7ff\ue000\uffff\U0010ffff\U000e0041",
    "\\ud800 \\udfff",
    "é ü 漢 🙂 山田\u3000太郎 می\u200cخواهم",
    "x" * 3000,
]
ABOUT = About('l|e=d]g"er\\\n\u202e', "selection", 0, 5, "ab", "=by\n<b>", AT, "s|w\n=\\")
TEXT = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=30)


def entry(value: str, seq: int = 0) -> Entry:
    """An entry every free field of which holds the value."""
    made = Act(
        value,
        Actor("person", value, value, value, value),
        "user.changed",
        Subject(value, value, value, value),
        Change(value, value, value),
        reason=value,
        origin=Origin(value, value, value),
        software=value,
    )
    return Entry(seq, BEGAN, made)


def written(name: str, entries: list[Entry]) -> str:
    form = CURRENT[name]
    text = form.begin(ABOUT)
    for one in entries:
        body = one.to_bytes()
        text += form.entry(ABOUT, Record.of(body, leaf_hash(body)))
    return text + form.end(ABOUT, len(entries))


def expected(one: Entry) -> Fields:
    body = one.to_bytes()
    return Record.of(body, leaf_hash(body)).flat()


def differing(name: str, found: Fields, one: Entry) -> list[str]:
    """Fields of the entry that did not come back as they were."""
    wanted = expected(one)
    if name == "html":
        for key, value in json.loads(wanted.pop("details")).items():
            wanted[f"details.{key}"] = value if isinstance(value, str) else json.dumps(value)
    return [field for field, value in wanted.items() if found.get(field, "") != value]


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_a_nasty_value_in_every_field_comes_back_and_stays_one_record(
    name: str, value: str
) -> None:
    entries = [entry("before", 0), entry(value, 1), entry("after", 2)]
    found = PARSERS[name](written(name, entries))
    assert len(found) == 3
    for fields, one in zip(found, entries, strict=True):
        assert differing(name, fields, one) == [], name


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=21, max_size=21))
def test_any_values_come_back_in_every_form(values: list[str]) -> None:
    v = iter(values)
    made = Act(
        next(v),
        Actor("service", next(v), next(v), next(v), next(v)),
        "signature.given",
        Subject(next(v), next(v), next(v), next(v)),
        replace(APPROVED, stage=next(v), meaning=next(v), role=next(v), zone=next(v)),
        "refused",
        next(v),
        Origin(next(v), next(v), next(v)),
        next(v),
    )
    one = Entry(7, BEGAN, made)
    for name, parse in PARSERS.items():
        [fields] = parse(written(name, [one]))
        assert differing(name, fields, one) == [], name


@pytest.mark.parametrize("name", [n for n in CURRENT if n != "html"])
def test_an_entry_is_one_line_for_every_reader_of_lines(name: str) -> None:
    for value in NASTY:
        lines = written(name, [entry(value)]).splitlines()
        if name == "jsonl":  # canonical JSON holds U+2028 and U+0085 as they are: split at LF only
            lines = written(name, [entry(value)]).removesuffix("\n").split("\n")
        assert len(lines) == (2 if name == "csv" else 1), (name, value)


@pytest.mark.parametrize("name", [n for n in CURRENT if n != "jsonl"])
def test_no_view_holds_a_control_or_direction_character(name: str) -> None:
    for value in NASTY:
        text = written(name, [entry(value)])
        for character in set(text) - set("\n\r\u200c\u200d"):
            assert unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp"), (name, value)


def test_no_cell_of_the_table_begins_a_formula() -> None:
    for value in NASTY:
        text = written("csv", [entry(value)])
        for cell in text.replace("\r\n", ",").split('","'):
            assert not cell.strip(' "').startswith(("=", "+", "-", "@", "\t", "\r")), value


def test_the_head_of_the_page_holds_its_values_and_no_markup_of_theirs() -> None:
    read = page(written("html", []))
    assert undone(read.head["ledger"]) == ABOUT.origin
    assert undone(read.head["selected_by"]) == ABOUT.selected_by
    assert undone(read.head["exporter"]) == ABOUT.software


@given(st.text(st.characters(codec="utf-8")), st.booleans())
def test_visible_text_is_undone_exactly(text: str, spaces: bool) -> None:
    shown = visible(text, exact=True, spaces=spaces)
    assert undone(shown) == text
    assert shown.isprintable() or not shown.isascii()
    assert visible(text, spaces=True) == "" or not visible(text, spaces=True)[0].isspace()


@cache
def _audit_event() -> type:
    from fhir.resources.R4B.auditevent import AuditEvent

    return AuditEvent


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_fhir_takes_every_value_as_an_audit_event(value: str) -> None:
    nameless = replace(
        entry(value).act, actor=Actor("service", "", "", ""), subject=Subject("", "")
    )
    for one in (entry(value), Entry(0, BEGAN, nameless)):
        event = _audit_event().model_validate_json(written("fhir", [one]))
        assert event.recorded.isoformat() == "2026-11-24T12:00:00+00:00"
        for text in strings(json.loads(written("fhir", [one]))):
            assert re.fullmatch(r"[ \r\n\t\S]+", text), (
                text
            )  # FHIR's own; the library only searches
            assert text == text.strip()


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return strings(list(value.values()))
    return [s for item in value for s in strings(item)] if isinstance(value, list) else []
