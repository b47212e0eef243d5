"""A signature holds for the record and the words that were signed, and for nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signatures import (
    MOST_DELAY,
    SignatureStatement,
    local_time,
    signature_act,
    statement_of,
    verify_signature,
)
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Actor, Entry, read_entry
from tests.unit.evidence.signed_version import BEGAN, CLINICAL, SUBJECT, statement

GOLDEN = Path(__file__).parents[2] / "golden/ledger-signature-v1.json"


def entry(**changes: Any) -> Entry:
    return Entry(7, BEGAN + timedelta(minutes=7, seconds=2), signature_act(made(**changes), "a7"))


def made(**changes: Any) -> SignatureStatement:
    return replace(statement(*CLINICAL, seq=7), **changes)


def test_a_signature_verifies_and_says_what_was_signed() -> None:
    assert verify_signature(entry()).valid
    assert statement_of(entry()) == made()
    assert read_entry(entry().to_bytes()) == entry()


def test_a_signature_of_format_1_verifies_for_ever() -> None:
    """The bytes were written by the first version; they never change."""
    kept = read_entry(GOLDEN.read_bytes())
    assert verify_signature(kept).valid
    assert kept.to_bytes() == GOLDEN.read_bytes()
    assert (
        statement_of(kept).digest
        == "9b7fe6d89f219686763961b4188a06c679780c14a29e9b154587e9c68a95e845"
    )


FIELDS: dict[str, Any] = {
    "stage": "quality approval",
    "meaning": "approval",
    "role": "quality",
    "zone": "UTC",
    "local_time": "2026-11-24T13:07:01+01:00",
    "policy_sha256": "f" * 64,
    "head_size": 6,
    "head_root": "0" * 64,
    "factors": ("password", "totp"),
    "method": "directory",
    "demonstration": True,
    "signature_sha256": "0" * 64,
}


@pytest.mark.parametrize("name", FIELDS)
def test_no_detail_can_be_changed(name: str) -> None:
    kept = entry()
    details = replace(kept.act.details, **{name: FIELDS[name]})
    changed = replace(kept, act=replace(kept.act, details=details))
    assert not verify_signature(changed).valid


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": replace(SUBJECT, id="sepsis")},
        {"subject": replace(SUBJECT, version="1.0.0+56f45370")},
        {"subject": replace(SUBJECT, sha256="b" * 64)},
        {"subject": replace(SUBJECT, kind="table")},
        {"reason": "Read and found wanting"},
        {"reason": ""},
        {"actor": Actor("person", "p-clara", "Clara Clinical-Smith", "password")},
        {"actor": Actor("person", "p-emil", "Clara Clinical", "password")},
        {"actor": Actor("service", "p-clara", "Clara Clinical", "password")},
        {"actor": Actor("person", "p-clara", "Clara Clinical", "session")},
        {"actor": Actor("person", "p-clara", "Clara Clinical", "password", "p-emil")},
        {"outcome": "intended"},
        {"action": "settings.changed", "details": Change("a", "b", "c")},
    ],
)
def test_neither_record_nor_signer_nor_comment_can_be_changed(changes: dict[str, Any]) -> None:
    kept = entry()
    assert not verify_signature(replace(kept, act=replace(kept.act, **changes))).valid


def test_the_entry_has_the_time_of_signing() -> None:
    kept, delay = entry(), MOST_DELAY + timedelta(seconds=3)
    for moved in (delay, -delay, timedelta(hours=1)):
        assert not verify_signature(replace(kept, at=kept.at + moved)).valid
    assert verify_signature(replace(kept, at=kept.at + timedelta(seconds=30))).valid


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"printed_name": " "}, "states its printed name"),
        ({"signer": ""}, "states its signer"),
        ({"meaning": "praise"}, "cannot mean 'praise'"),
        ({"meaning": ""}, "cannot mean"),
        ({"role": "administrator"}, "nobody signs as 'administrator'"),
        ({"role": "service"}, "nobody signs as 'service'"),
        ({"local_time": ""}, "RFC 3339"),
        ({"local_time": "2026-11-24T13:07:00"}, "RFC 3339"),
        ({"local_time": "2026-11-24T13:07:00Z"}, "RFC 3339"),
        ({"local_time": "2026-13-24T13:07:00+01:00"}, "month"),
        ({"zone": ""}, "states its zone"),
        ({"policy_sha256": "A" * 64}, "SHA-256"),
        ({"head_root": ""}, "SHA-256"),
        ({"subject": replace(SUBJECT, sha256="")}, "SHA-256"),
        ({"head_size": -1}, "size"),
        ({"revokes": "b" * 64}, "a revocation names"),
        ({"meaning": "revocation"}, "a revocation names"),
    ],
)
def test_a_signature_without_its_parts_cannot_be_made(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made(**changes)


@pytest.mark.parametrize("role", ["administrator", "service", "emperor"])
def test_an_entry_that_claims_an_impossible_signature_is_none(role: str) -> None:
    kept = entry()
    details = replace(kept.act.details, role=role)
    check = verify_signature(replace(kept, act=replace(kept.act, details=details)))
    assert not check.valid
    assert "nobody signs" in check.reason


def test_the_time_is_that_of_the_terminal() -> None:
    at = datetime.fromisoformat("2026-07-01T12:00:00+00:00")
    assert local_time(at, "Europe/Berlin") == "2026-07-01T14:00:00+02:00"
    assert local_time(at, "-03:30") == "2026-07-01T08:30:00-03:30"
    assert local_time(at, "UTC") == "2026-07-01T12:00:00+00:00"


@pytest.mark.parametrize("zone", ["Atlantis/Main", "../../etc/passwd", "", "Europe", "+25:00", "é"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(ClinicalError, match="no such time zone"):
        local_time(BEGAN, zone)
