"""What each form says in its own vocabulary."""

import json
from typing import Any

import pytest

from clinical_assets.ledger.actions import ACTIONS, Attempt, Change, Counted, Nothing
from clinical_assets.ledger.entry import Act, Entry, Subject
from clinical_assets.ledger.exports.alarms import _ALARMS
from clinical_assets.ledger.exports.cef import CEF
from clinical_assets.ledger.exports.fhir import audit_event
from clinical_assets.ledger.exports.ocsf import event
from clinical_assets.ledger.exports.record import About, Record
from clinical_assets.ledger.exports.verbs import _OF
from clinical_assets.ledger.merkle import leaf_hash
from tests.unit.ledger.examples import APPROVED, BEGAN, ORIGIN, act
from tests.unit.ledger.exports.folders import AT, KEPT, export

ABOUT = About(ORIGIN, "range", 0, 1, "ab", "", AT, "s")
WHOLE = export()


def record(made: Act) -> Record:
    body = Entry(0, BEGAN, made).to_bytes()
    return Record.of(body, leaf_hash(body))


def lines(name: str) -> list[str]:
    return WHOLE[name].decode().removesuffix("\n").split("\n")


def test_entries_are_their_exact_bytes_one_a_line() -> None:
    assert WHOLE["entries.jsonl"] == b"".join(row.body + b"\n" for row in KEPT)


def test_a_signature_shows_name_time_with_zone_and_meaning() -> None:
    text = WHOLE["audit_trail.html"].decode()
    assert text.count('class="signature"') == 1
    assert (
        "Signed by <strong>Anna Example</strong> (p-0001) on "
        "<strong>2026-11-24 12:00:06.000000 UTC</strong>, meaning: <strong>approval</strong>, "
        "at stage quality"
    ) in text


def test_a_refused_signature_is_not_shown_as_one() -> None:
    made = record(act("a", "signature.refused", Attempt("password"), outcome="refused"))
    from clinical_assets.ledger.exports.html import HTML

    assert 'class="signature"' not in HTML.entry(ABOUT, made)
    intended = record(act("a", "signature.given", APPROVED, outcome="intended"))
    assert 'class="signature"' not in HTML.entry(ABOUT, intended)


def test_the_page_shows_old_and_new_values_and_loads_nothing() -> None:
    text = WHOLE["audit_trail.html"].decode()
    assert '<dt>before</dt><dd><bdi data-name="details.before">author</bdi></dd>' in text
    assert "default-src 'none'" in text
    assert not any(word in text for word in ("<script", "src=", "href=", "url(", "@import"))


OCSF_CASES: list[tuple[str, Any, str, int, int]] = [
    ("login.succeeded", Attempt("password", ("totp",)), "done", 3002, 1),
    ("login.refused", Attempt("password"), "refused", 3002, 1),
    ("logout", Nothing(), "done", 3002, 2),
    ("user.enrolled", Change("role", "", "author"), "done", 3001, 1),
    ("user.changed", Change("role", "author", "quality"), "done", 3001, 99),
    ("user.revoked", Nothing(), "done", 3001, 5),
    ("user.locked", Nothing(), "done", 3001, 9),
    ("user.authenticated", Attempt("signing"), "done", 3002, 99),
    ("run.started", Nothing(), "done", 3004, 99),
    ("run.events_deleted", Nothing(), "done", 3004, 4),
    ("asset.materialized", Nothing(), "done", 3004, 1),
    ("retention.purged", Nothing(), "failed", 3004, 4),
]


@pytest.mark.parametrize(("action", "details", "outcome", "kind", "activity"), OCSF_CASES)
def test_ocsf_classes_and_activities(
    action: str, details: Any, outcome: Any, kind: int, activity: int
) -> None:
    subject = Subject("user", "p-0002")
    made = event(ABOUT, record(act("a", action, details, outcome=outcome, subject=subject)))
    assert (made["class_uid"], made["activity_id"]) == (kind, activity)
    assert made["type_uid"] == kind * 100 + activity
    assert made["category_uid"] == kind // 1000 == 3
    assert made["time"] == 1795521600000
    assert made["status_id"] == (1 if outcome == "done" else 2)
    assert {"severity_id", "metadata"} <= set(made)
    assert made["metadata"]["version"] == "1.3.0"
    assert made["metadata"]["product"]["vendor_name"] == "clinical-assets"
    if kind == 3002:
        assert made["user"]["uid"] == "p-0001"
        assert made["service"]
    elif kind == 3001:
        assert made["user"]["uid"] == "p-0002"
    else:
        assert made["entity"]["uid"] == "p-0002"


@pytest.mark.parametrize(
    ("action", "outcome", "cef", "ocsf"),
    [
        ("user.locked", "done", 9, 4),
        ("history.wiped", "intended", 9, 4),
        ("user.tampered", "done", 9, 4),
        ("logout", "done", 3, 1),
        ("logout", "refused", 7, 3),
    ],
)
def test_what_somebody_should_be_called_for_is_severe(
    action: str, outcome: Any, cef: int, ocsf: int
) -> None:
    details = Counted(3) if action == "history.wiped" else Nothing()
    made = record(act("a", action, details, outcome=outcome))
    assert CEF.entry(ABOUT, made).split("|")[6] == str(cef)
    assert event(ABOUT, made)["severity_id"] == ocsf


def test_every_action_is_told_in_foreign_words() -> None:
    assert set(_OF) == set(ACTIONS)
    assert set(ACTIONS) >= _ALARMS


def test_cef_and_syslog_lines_are_as_their_standards_say() -> None:
    cef, syslog = lines("entries.cef")[4], lines("entries.syslog")[7]
    assert cef.startswith(
        "CEF:0|clinical-assets|ledger|0.1.0+abc|user.changed|"
        "What is known of a person or service was changed|3|rt=1795521604000 "
        "deviceFacility=clinical.example/ledger externalId=4 suid=p-0001 suser=Anna Example "
    )
    assert syslog.startswith(
        "<108>1 2026-11-24T12:00:07.000000Z - clinical-ledger - gate.decided [entry@32473 "
    )
    assert syslog.endswith('"] A gate was decided')


def test_every_action_fits_a_syslog_message_id() -> None:
    assert all(len(name) <= 32 and name.isascii() for name in ACTIONS)


def test_every_fhir_resource_is_an_audit_event() -> None:
    from fhir.resources.R4B.auditevent import AuditEvent

    events = [AuditEvent.model_validate_json(line) for line in lines("fhir.ndjson")]
    assert [e.outcome for e in events] == ["0", "0", "0", "0", "0", "0", "0", "4", "0"]
    assert [e.action for e in events][:3] == ["E", "C", "C"]
    assert events[1].agent[1].who.identifier.value == "p-0001"
    assert [e.agent[0].name for e in events][:2] == ["Anna Example", "Worker"]


@pytest.mark.parametrize(
    ("action", "details", "code"),
    [
        ("login.refused", Attempt("password"), "110114"),
        ("user.revoked", Nothing(), "110113"),
        ("key.created", Change("k", "", "x"), "110113"),
        ("run.started", Nothing(), "110100"),
    ],
)
def test_fhir_types_of_events(action: str, details: Any, code: str) -> None:
    assert audit_event(ABOUT, record(act("a", action, details)))["type"]["code"] == code


def test_ocsf_is_plain_ascii() -> None:
    made = record(act("a", reason="é\u202e\u2028"))
    assert json.loads(json.dumps(event(ABOUT, made)))["unmapped"]["reason"] == "é\u202e\u2028"
    assert WHOLE["ocsf.jsonl"].isascii()
