"""What is asked of a person at the moment of signing; reading asks the same of the record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signing_rights import Intent, Signer, judge_signing
from tests.unit.evidence.signed_version import (
    AUTHOR,
    BEGAN,
    CLINICAL,
    ETHICS,
    QUALITY,
    QUARANTINE,
    REINSTATE,
    RETIRE,
    SUSPEND,
    History,
    history,
)

CLARA = Signer(
    "p-clara",
    "person",
    frozenset({"clinical reviewer", "operator"}),
    BEGAN + timedelta(days=365),
    ("password",),
)
REVIEW = Intent(*(CLINICAL[0], CLINICAL[2], CLINICAL[1], CLINICAL[3]), comment="Read")
UNDER_WAY = history(until="clinical review").state


def judged(signer: Signer = CLARA, intent: Intent = REVIEW, **given: Any) -> ClinicalError | None:
    state = given.pop("state", UNDER_WAY)
    asked = {"authors": frozenset({AUTHOR}), "now": BEGAN, **given}
    return judge_signing(state, signer, intent, **asked)


def test_who_is_asked_may_sign() -> None:
    assert judged() is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "service"}, "a service cannot sign"),
        ({"id": "p-emil"}, "nobody signs for another"),
        ({"factors": ()}, "a live session alone"),
        ({"factors": ("session", "totp")}, "a live session alone"),
        ({"roles": frozenset()}, "does not hold the role clinical reviewer"),
        ({"roles": frozenset({"quality", "administrator"})}, "does not hold the role"),
        ({"training_expires": None}, "no training record"),
        ({"training_expires": BEGAN}, "the training record has expired"),
        ({"training_expires": BEGAN - timedelta(days=1)}, "has expired"),
        ({"demonstration": True}, "a generated person"),
    ],
)
def test_the_wrong_person_is_refused(changes: dict[str, Any], words: str) -> None:
    refusal = judged(replace(CLARA, **changes))
    assert refusal is not None
    assert words in refusal.what
    assert refusal.repair


def test_a_generated_person_may_sign_in_a_demonstration() -> None:
    assert judged(replace(CLARA, demonstration=True), demonstration_counts=True) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stage": "quality approval"}, "asks for approval by quality in quality approval"),
        ({"stage": "candidate"}, "the policy asks for no signature in candidate"),
        ({"meaning": "approval"}, "the policy asks for"),
        ({"meaning": "praise"}, "the policy asks for"),
        ({"meaning": "rejection", "comment": " "}, "a rejection needs a reason"),
        ({"meaning": "revocation", "revokes": "d" * 64}, "no valid signature of that name"),
    ],
)
def test_the_wrong_signature_is_refused(changes: dict[str, Any], words: str) -> None:
    refusal = judged(intent=replace(REVIEW, **changes))
    assert refusal is not None
    assert words in refusal.what
    assert "diabetes 1.0.0+56f45379" in str(refusal)


def test_out_of_order_is_refused() -> None:
    for until in ("candidate", "validation", "ethics review", "released"):
        refusal = judged(state=history(until=until).state)
        assert refusal is not None
        assert "out of order" in refusal.what


def test_an_author_is_refused_but_may_quarantine() -> None:
    authors = frozenset({"p-clara"})
    refusal = judged(authors=authors)
    assert refusal is not None
    assert "author of this version" in refusal.what
    stop = replace(REVIEW, role="operator", stage="quarantined", meaning="responsibility")
    assert judged(intent=stop, authors=authors) is None
    assert judged(intent=replace(stop, comment="")) is not None


def test_the_same_person_is_refused_twice() -> None:
    signed = history(CLINICAL, until="clinical review").state
    refusal = judged(state=signed)
    assert refusal is not None
    assert "given this signature already" in refusal.what


@pytest.mark.parametrize("role", ["administrator", "service"])
def test_administrators_and_services_never_sign_as_such(role: str) -> None:
    refusal = judged(replace(CLARA, roles=frozenset({role})), replace(REVIEW, role=role))
    assert refusal is not None
    assert f"nobody signs as {role}" in refusal.what


@pytest.mark.parametrize("who", [CLINICAL, ETHICS, QUALITY, REINSTATE, QUARANTINE, SUSPEND, RETIRE])
@pytest.mark.parametrize(
    "version",
    [
        history(until="candidate"),
        history(until="clinical review"),
        history(until="quality approval"),
        history(),
        history(SUSPEND),
        history(QUARANTINE),
        history(RETIRE),
    ],
    ids=lambda v: v.state.stage,
)
def test_what_is_refused_beforehand_is_void_afterwards_and_the_other_way_round(
    version: History, who: tuple[str, str, str, str]
) -> None:
    signer, stage, role, meaning = who
    person = replace(CLARA, id=signer, roles=frozenset({role}))
    intent = Intent(signer, role, stage, meaning, "Because")
    refusal = judged(person, intent, state=version.state)
    after = history(until="candidate")
    after.entries = [*version.entries]
    after.sign(who)
    void = after.state.signatures[-1].standing == "void"
    assert void == (refusal is not None)
