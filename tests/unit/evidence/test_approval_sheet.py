"""Every form of the approval record shows every signature, whatever became of it."""

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest

from clinical_assets.evidence.approval_sheet import (
    ApprovalSheet,
    approval_document,
    approval_forms,
    approval_sheet,
    printed_name,
    signed_at,
)
from clinical_assets.evidence.document import Document, Section, Table
from clinical_assets.evidence.document_html import render_html
from clinical_assets.evidence.document_markdown import render_markdown
from clinical_assets.evidence.document_text import render_text
from clinical_assets.evidence.stage_state import SignatureRecord
from tests.unit.evidence.signed_version import (
    CLINICAL,
    ETHICS,
    POLICY,
    QUALITY,
    QUARANTINE,
    History,
    history,
    root,
)
from tests.unit.evidence.test_card_forms import outline

FORMS = [
    "approval_record.json",
    "approval_record.md",
    "approval_record.html",
    "approval_record.txt",
]


def sheet_of(version: History, **changes: Any) -> ApprovalSheet:
    size = len(version.entries)
    made = approval_sheet(
        version.state,
        title="Diabetes within five years",
        card_sha256="c" * 64,
        ledger_size=size,
        ledger_root=root(size),
    )
    return replace(made, **changes)


def eventful() -> History:
    """Valid, void, revoking and demonstration signatures, a quarantine and an anomaly."""
    version = history(until="clinical review")
    version.surroundings = replace(version.surroundings, demonstration_counts=True)
    version.sign(CLINICAL, demonstration=True, comment="Seen | and *approved*")
    version.then("ethics review", QUALITY, ETHICS)
    version.sign((*ETHICS[:3], "revocation"), revokes=version.state.valid[-1].digest)
    version.move("ethics review", "released")
    return version.then(ETHICS, QUARANTINE)


def flat(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


def shown(name: str, data: bytes) -> str:
    """What a reader of the form sees."""
    text = data.decode()
    return flat(outline(text).text if name.endswith("html") else text)


def unseen(signature: SignatureRecord, text: str) -> list[str]:
    """Which of the parts of a signature that 21 CFR 11.50 names a form does not show."""
    parts = [printed_name(signature), signed_at(signature), signature.meaning, signature.role]
    return [part for part in parts if flat(part) not in text]


def test_the_forms_are_the_four_that_are_tested() -> None:
    assert list(approval_forms(sheet_of(history()))) == FORMS


@pytest.mark.parametrize("name", FORMS[1:])
def test_every_readable_form_shows_every_signature(name: str) -> None:
    sheet = sheet_of(eventful())
    assert {s.standing for s in sheet.signatures} == {"valid", "void", "took effect"}
    text = shown(name, approval_forms(sheet)[name])
    for signature in sheet.signatures:
        assert unseen(signature, text) == []
        assert signature.digest in text
        assert flat(signature.comment) in text
        assert signature.reason in text
    assert text.count("DEMONSTRATION") >= 3
    assert "generated persons" in text
    assert sheet.package_sha256 in text
    assert sheet.card_sha256 in text
    for step in sheet.steps:
        assert step.stage in text
    assert "is not a legal transition" in text


def test_the_data_form_holds_every_signature() -> None:
    sheet = sheet_of(eventful())
    plain = json.loads(approval_forms(sheet)["approval_record.json"])
    assert plain["format"] == "clinical-approval-record/1"
    found = plain["signatures"]
    assert [s["digest"] for s in found] == [s.digest for s in sheet.signatures]
    assert found[0]["name"] == "Clara Clinical"
    assert found[0]["local_time"] == "2026-11-24T13:03:00+01:00"
    assert found[0]["zone"] == "Europe/Berlin"
    assert found[0]["meaning"] == "review"
    assert found[0]["demonstration"] is True


@pytest.mark.parametrize("render", [render_markdown, render_html, render_text])
@pytest.mark.parametrize("dropped", range(6))
def test_a_dropped_signature_is_noticed(render: Any, dropped: int) -> None:
    """What the test above asks is not met by a renderer that leaves one row out."""
    sheet = sheet_of(eventful())
    document = without_row(approval_document(sheet), dropped)
    text = shown("html" if render is render_html else "md", render(document).encode())
    assert any(unseen(s, text) or s.digest not in text for s in sheet.signatures)


def without_row(document: Document, row: int) -> Document:
    def cut(section: Section) -> Section:
        if section.anchor != "signatures":
            return section
        blocks = [
            replace(b, rows=b.rows[:row] + b.rows[row + 1 :]) if isinstance(b, Table) else b
            for b in section.blocks
        ]
        return replace(section, blocks=tuple(blocks))

    return replace(document, sections=tuple(map(cut, document.sections)))


@pytest.mark.parametrize("name", FORMS[1:])
def test_without_signatures_every_form_says_so(name: str) -> None:
    text = shown(name, approval_forms(sheet_of(History()))[name])
    assert "No signature was given" in text
    assert text.count("missing") >= len(POLICY.approvals)
    assert "in no stage" in text
    assert "DEMONSTRATION" not in text


def test_a_real_signature_is_not_marked() -> None:
    for name, data in approval_forms(sheet_of(history())).items():
        assert b"DEMONSTRATION" not in data, name


def test_names_and_comments_cannot_disturb_a_form() -> None:
    evil = "</td><script>x</script>\n## Signed\r\x1b[2J\u202eecila|"
    version = history(until="clinical review")
    version.sign(CLINICAL, comment=evil, printed_name=f"Eve {evil}")
    forms = approval_forms(sheet_of(version))
    for name in FORMS[1:]:
        text = forms[name].decode()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert flat(r"\u202eecila") in shown(name, forms[name])
        assert "\n## Signed" not in text
    assert "<script" not in forms["approval_record.html"].decode()
    assert json.loads(forms["approval_record.json"])["signatures"][0]["comment"] == evil


def test_the_forms_are_the_same_each_time() -> None:
    first, again = (approval_forms(sheet_of(eventful())) for _ in range(2))
    assert first == again
    assert b"\n\n\n" not in first["approval_record.txt"]


def test_text_is_wrapped_and_a_digest_stays_whole() -> None:
    document = approval_document(sheet_of(eventful()))
    lines = render_text(document, width=60).splitlines()
    assert all(len(line) <= 60 or len(line.split()) <= 2 or "SHA-256 of" in line for line in lines)
    assert any(line.strip() == "c" * 64 for line in lines)


def test_the_digest_is_that_of_the_record() -> None:
    one, other = sheet_of(history()), sheet_of(history(QUARANTINE))
    assert approval_document(one).digest != approval_document(other).digest
    assert all(
        f.name in json.loads(approval_forms(one)["approval_record.json"])
        for f in dataclasses.fields(ApprovalSheet)
    )


def test_a_digest_may_break_in_its_cell_and_an_id_does_not() -> None:
    """A page of 1200 pixels shows every column: 64 characters in one line cut the last ones off."""
    sheet = sheet_of(eventful())
    page = approval_forms(sheet)["approval_record.html"].decode()
    signature = sheet.signatures[0]
    assert f'<code class="long">{signature.digest}</code>' in page
    assert f"<code>{signature.signer}</code>" in page
    assert "td code:not(.long) { white-space: nowrap; }" in page
    assert "td code { white-space: nowrap" not in page
