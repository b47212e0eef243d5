"""Which signatures count, what revoking, rejecting and stopping do, and what a forger gets."""

from dataclasses import replace
from typing import Any

import pytest

from clinical_assets.evidence.signatures import signature_act
from clinical_assets.evidence.stage_fold import Surroundings, state_of
from clinical_assets.evidence.stage_moves import judge_approvals, judge_in_force
from clinical_assets.ledger.entry import Entry
from clinical_assets.modelling.approvals import Approval
from tests.unit.evidence.signed_version import (
    AUTHOR,
    BEGAN,
    CLINICAL,
    ETHICS,
    POLICY,
    QUALITY,
    QUARANTINE,
    REINSTATE,
    RETIRE,
    SUBJECT,
    SURROUNDINGS,
    SUSPEND,
    History,
    history,
    root,
    statement,
)


def reasons(version: History) -> list[str]:
    return [s.reason for s in version.state.void]


# --- what does not count -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ((AUTHOR, *CLINICAL[1:]), "the signer is an author of this version"),
        (("p-clara", "clinical review", "quality", "review"), "the policy asks for review by"),
        (("p-clara", "clinical review", "clinical reviewer", "approval"), "the policy asks for"),
        (ETHICS, "out of order: ethics review is not under way"),
        (QUALITY, "out of order"),
        (("p-clara", "reinstatement", "quality", "approval"), "out of order"),
        (("p-clara", "retired", "quality", "responsibility"), "leads from clinical review to"),
        (("p-clara", "suspended", "quality", "responsibility"), "leads from clinical review to"),
        (("p-clara", "quarantined", "ethics board", "responsibility"), "may not decide"),
        (("p-clara", "quarantined", "quality", "approval"), "no signature of meaning approval"),
        (("p-clara", "clinical review", "quality", "rejection"), "has no say in clinical review"),
        (("p-clara", "quality approval", "quality", "rejection"), "out of order"),
        ((AUTHOR, "clinical review", "clinical reviewer", "rejection"), "is an author"),
        (("p-clara", "investigation", "quality", "responsibility"), "no anomaly waits"),
        ((AUTHOR, "clinical review", "author", "authorship"), "the policy asks for"),
    ],
)
def test_a_signature_that_nothing_asks_for_is_void(who: Any, words: str) -> None:
    version = history(who, until="clinical review")
    assert words in reasons(version)[0]
    assert version.state.stage == "clinical review"
    assert version.state.missing == POLICY.approvals
    assert version.state.anomalies == ()  # void, but the machine may have written it


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy_sha256": "f" * 64}, "under another policy"),
        ({"subject": replace(SUBJECT, sha256="b" * 64)}, "on another package"),
        ({"factors": ("session",)}, "no password"),
        ({"demonstration": True}, "generated person"),
    ],
)
def test_a_signature_on_something_else_is_void(changes: dict[str, Any], words: str) -> None:
    version = history(until="clinical review")
    version.sign(CLINICAL, **changes)
    assert words in reasons(version)[0]
    assert version.state.missing == POLICY.approvals


def test_demonstration_persons_count_where_demonstrations_do() -> None:
    version = history(until="clinical review")
    version.sign(CLINICAL, demonstration=True)
    version.surroundings = replace(version.surroundings, demonstration_counts=True)
    assert version.state.valid[0].demonstration


def generated(*closing: str) -> History:
    """A version that generated people released, or closed, before people were enrolled."""
    counts = replace(SURROUNDINGS, demonstration_counts=True)
    version = history(until="clinical review", surroundings=counts)
    for who, after in ((CLINICAL, "ethics review"), (ETHICS, "quality approval")):
        version.sign(who, demonstration=True)
        version.then(after)
    version.sign(QUALITY, demonstration=True)
    version.then("released")
    if closing:
        version.sign(closing, demonstration=True, comment="Alarm")
    assert version.state.stage == (closing[1] if closing else "released")
    version.surroundings = SURROUNDINGS
    return version


def test_what_generated_people_opened_waits_for_people_who_can_release_it() -> None:
    version = generated()
    state = version.state
    assert (state.stage, state.valid, state.unexamined) == ("clinical review", (), ())
    assert "ethics review was made upon signatures of generated people" in state.superseded[0]
    version.then(CLINICAL, "ethics review", ETHICS, "quality approval", QUALITY, "released")
    assert version.state.stage == "released"


@pytest.mark.parametrize("closing", [QUARANTINE, SUSPEND, RETIRE])
def test_what_generated_people_closed_stays_closed(closing: tuple[str, ...]) -> None:
    state = generated(*closing).state
    assert (state.stage, state.unexamined) == (closing[1], ())


def test_what_generated_people_rejected_stays_so() -> None:
    version = history(
        until="clinical review", surroundings=replace(SURROUNDINGS, demonstration_counts=True)
    )
    version.sign(CLINICAL, demonstration=True)
    version.then("ethics review")
    version.sign((*ETHICS[:3], "rejection"), demonstration=True, comment="No")
    version.surroundings = SURROUNDINGS
    assert version.state.stage == "retired"


def test_a_move_that_was_never_legal_is_an_anomaly_beside_generated_signatures() -> None:
    version = generated()
    version.move("clinical review", "released")
    (anomaly,) = version.state.unexamined
    assert "clinical review → released is not a legal transition" in str(anomaly)
    other = history(until="clinical review")
    other.sign(CLINICAL, demonstration=True, subject=replace(SUBJECT, sha256="b" * 64))
    other.move("clinical review", "released")
    assert len(other.state.unexamined) == 1


@pytest.mark.parametrize("head", [{"head_root": "0" * 64}, {"head_size": 2}, {"head_size": 99}])
def test_a_head_that_the_ledger_never_had_voids_and_is_reported(head: dict[str, Any]) -> None:
    version = history(until="clinical review")
    if head.get("head_size") == 99:  # a true root, of a size that the ledger had only later
        head = {**head, "head_root": root(99)}
    version.sign(CLINICAL, **head)
    assert "the head of the ledger" in reasons(version)[0]
    assert "the head of the ledger" in str(version.state.anomalies[0])


def test_a_signature_copied_from_another_record_is_void_and_blocks_the_release() -> None:
    version = history(
        CLINICAL, "ethics review", ETHICS, "quality approval", until="clinical review"
    )
    other = replace(SUBJECT, version="0.9.0", sha256="c" * 64)
    stolen = signature_act(statement(*QUALITY, seq=len(version.entries), subject=other), "x")
    version.add(replace(stolen, subject=SUBJECT))
    assert "it was copied from another record" in reasons(version)[0]
    assert version.state.missing == POLICY.approvals[2:]
    version.then(QUALITY)  # a true one does not make the forged one unseen
    assert not judge_approvals(version.state).passed
    version.move("quality approval", "released")
    assert version.state.stage == "quality approval"


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "Approved without reading"},
        {"actor": {"name": "Someone Else"}},
        {"actor": {"id": "p-quentin"}},
        {"details": {"local_time": "2026-11-24T13:00:00+01:00"}},
        {"details": {"meaning": "approval"}},
    ],
)
def test_a_changed_signature_is_void(change: dict[str, Any]) -> None:
    version = history(until="ethics review")
    kept = version.entries[3]
    act = kept.act
    for name, value in change.items():
        new = replace(getattr(act, name), **value) if isinstance(value, dict) else value
        act = replace(act, **{name: new})
    version.entries[3] = replace(kept, act=act)
    assert version.state.void[0].seq == 3
    # What rested on the signature does not hold either.
    assert version.state.stage == "clinical review"
    assert [a.seq for a in version.state.anomalies] == [3, 4]


def test_a_replayed_signature_is_found() -> None:
    version = history(until="clinical review")
    digest = version.sign(CLINICAL)
    genuine = version.entries[-1].act
    version.sign(("p-clara", CLINICAL[1], CLINICAL[2], "revocation"), revokes=digest)
    version.entries.append(Entry(len(version.entries), version.entries[-1].at, genuine))
    assert version.state.missing == POLICY.approvals
    assert "a copy of an earlier signature" in str(version.state.anomalies[0])


# --- segregation of duties -----------------------------------------------------------------------

TWO = replace(POLICY, approvals=(*POLICY.approvals, POLICY.approvals[2]))
QUENTIN = ("p-quentin", *QUALITY[1:])


def test_two_approvers_are_two_persons() -> None:
    version = history(QUALITY, until="quality approval", policy=TWO)
    assert version.state.missing == TWO.approvals[3:]
    version.then(QUALITY)
    assert "has given this signature already" in reasons(version)[0]
    version.move("quality approval", "released")
    assert version.state.stage == "quality approval"
    assert len(version.state.anomalies) == 1

    version = history(QUALITY, QUENTIN, "released", until="quality approval", policy=TWO)
    assert version.state.stage == "released"


def test_a_signature_too_many_is_void() -> None:
    version = history(QUALITY, QUENTIN, until="quality approval")
    assert reasons(version) == ["every signature of this kind was given"]
    assert version.then("released").state.stage == "released"


def test_one_person_signs_under_one_role_unless_the_policy_says_otherwise() -> None:
    clara = ("p-clara", *QUALITY[1:])
    strict = history(clara, until="quality approval")
    assert "has signed as clinical reviewer" in reasons(strict)[0]
    loose = history(clara, until="quality approval", policy=replace(POLICY, distinct_signers=False))
    assert reasons(loose) == []
    assert loose.then("released").state.stage == "released"


AUTHORED = replace(
    POLICY, approvals=(*POLICY.approvals, Approval("clinical review", "author", "authorship"))
)


@pytest.mark.parametrize(("signer", "counts"), [(AUTHOR, True), ("p-oda", False)])
def test_authorship_is_signed_by_an_author(signer: str, counts: bool) -> None:
    version = History(policy=AUTHORED).then("candidate", "validation", "clinical review")
    version.then((signer, "clinical review", "author", "authorship"))
    assert bool(version.state.valid) == counts


def test_without_a_known_author_nothing_is_approved_but_all_can_be_stopped() -> None:
    version = history(until="clinical review")
    version.surroundings = replace(version.surroundings, authors=frozenset())
    version.then(CLINICAL)
    assert "nobody is known as author" in reasons(version)[0]
    version.then(("p-clara", CLINICAL[1], CLINICAL[2], "rejection"))
    assert version.state.stage == "retired"


# --- rejecting, revoking, stopping ---------------------------------------------------------------


@pytest.mark.parametrize("who", [CLINICAL, ETHICS, QUALITY])
def test_a_rejection_retires_at_once_and_for_good(who: tuple[str, ...]) -> None:
    version = history((*who[:3], "rejection"), until=who[1])
    assert version.state.stage == "retired"
    assert version.state.signatures[-1].standing == "took effect"
    version.then(who, QUARANTINE, RETIRE)
    assert reasons(version) == ["it is retired, which is final"] * 3
    version.move("retired", "released")
    assert version.state.stage == "retired"


def revoke(version: History, who: tuple[str, ...]) -> History:
    digest = next(s.digest for s in version.state.valid if s.signer == who[0])
    version.sign((*who[:3], "revocation"), revokes=digest)
    return version


def test_a_revocation_before_the_release_leads_back_to_the_stage_of_the_signature() -> None:
    version = revoke(history(until="quality approval"), CLINICAL)
    assert version.state.stage == "clinical review"
    assert version.state.missing == POLICY.approvals
    assert "revoked by its signer" in reasons(version)[0]
    assert "given upon a signature revoked" in reasons(version)[1]
    version.then(CLINICAL, "ethics review", ETHICS, "quality approval", QUALITY, "released")
    assert version.state.stage == "released"


def test_a_revocation_in_the_same_stage_stays_there() -> None:
    version = revoke(history(ETHICS, until="ethics review"), ETHICS)
    assert version.state.stage == "ethics review"
    assert version.state.missing == POLICY.approvals[1:]


def test_a_revocation_after_the_release_suspends() -> None:
    version = revoke(history(), ETHICS)
    assert version.state.stage == "suspended"
    assert not judge_in_force(version.state).passed
    version.then(REINSTATE)
    assert "review by ethics board in ethics review has to be signed before" in reasons(version)[-1]
    version.then(QUALITY)
    assert "out of order" in reasons(version)[-1]
    version.then(ETHICS, QUALITY, REINSTATE, "released")
    assert version.state.stage == "released"
    assert judge_in_force(version.state).passed


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (("p-emil", "clinical review", "clinical reviewer"), "only its signer"),
        (("p-clara", "ethics review", "clinical reviewer"), "revoke it as such"),
        (("p-clara", "clinical review", "quality"), "revoke it as such"),
    ],
)
def test_nobody_revokes_for_another_or_under_another_name(who: Any, words: str) -> None:
    version = history()
    version.sign((*who, "revocation"), revokes=version.state.valid[0].digest)
    assert words in reasons(version)[0]
    assert version.state.stage == "released"


def test_what_is_not_there_is_not_revoked() -> None:
    version = history()
    version.sign((*CLINICAL[:3], "revocation"), revokes="d" * 64)
    assert "no valid signature of that name" in reasons(version)[0]
    digest = version.state.valid[0].digest
    for _ in range(2):
        version.sign((*CLINICAL[:3], "revocation"), revokes=digest)
    assert "no valid signature of that name" in reasons(version)[-1]


def test_a_reinstatement_ends_with_the_next_suspension() -> None:
    version = history(SUSPEND, REINSTATE, "released", SUSPEND)
    assert not version.state.reinstated
    version.move("suspended", "released")
    assert version.state.stage == "suspended"
    assert len(version.state.anomalies) == 1


STAGES_BEFORE_RETIRED = (
    "candidate",
    "validation",
    "clinical review",
    "ethics review",
    "quality approval",
    "released",
)


@pytest.mark.parametrize("until", STAGES_BEFORE_RETIRED)
@pytest.mark.parametrize(
    ("signer", "role"),
    [
        ("p-oda", "operator"),
        ("p-quinn", "quality"),
        ("p-clara", "clinical reviewer"),
        (AUTHOR, "privacy officer"),
    ],
)
def test_quarantine_is_entered_from_anywhere_at_once(until: str, signer: str, role: str) -> None:
    version = history((signer, "quarantined", role, "responsibility"), until=until)
    assert version.state.stage == "quarantined"
    assert not judge_in_force(version.state).passed


def test_quarantine_is_left_by_quality_only_and_not_to_released() -> None:
    for who in (("p-oda", "suspended", "operator", "responsibility"), CLINICAL, REINSTATE):
        version = history(QUARANTINE, who)
        assert version.state.stage == "quarantined"
        assert len(version.state.void) == 1
    assert history(QUARANTINE, RETIRE).state.stage == "retired"
    version = history(QUARANTINE, SUSPEND)
    assert version.state.stage == "suspended"
    assert version.then(REINSTATE, "released").state.stage == "released"


def test_what_was_never_released_goes_through_validation_after_a_quarantine() -> None:
    version = history(CLINICAL, QUARANTINE, SUSPEND, REINSTATE, until="clinical review")
    version.move("suspended", "released")
    assert version.state.stage == "suspended"
    version.entries.pop()
    version.then("validation", "clinical review", "ethics review", ETHICS, "quality approval")
    assert version.then(QUALITY, "released").state.stage == "released"


# --- changed policies, changed packages, anomalies -----------------------------------------------


def test_under_another_policy_a_release_holds_no_longer_and_is_no_anomaly() -> None:
    version = history()
    version.policy = replace(POLICY, distinct_signers=False)
    state = version.state
    assert state.stage == "clinical review"
    assert state.missing == POLICY.approvals
    assert (len(state.superseded), state.anomalies) == (3, ())
    assert {s.reason for s in state.void} == {"it was given under another policy"}
    version.then(CLINICAL, "ethics review", ETHICS, "quality approval", QUALITY, "released")
    assert judge_in_force(version.state).passed


@pytest.mark.parametrize(
    ("closing", "stage"),
    [(RETIRE, "retired"), (SUSPEND, "suspended"), (QUARANTINE, "quarantined")],
)
def test_what_was_stopped_stays_so_under_another_policy(closing: Any, stage: str) -> None:
    version = history(closing)
    version.policy = replace(POLICY, distinct_signers=False)
    assert version.state.stage == stage


def test_what_was_rejected_stays_so_under_another_policy() -> None:
    version = history((*QUALITY[:3], "rejection"), until="quality approval")
    version.policy = replace(POLICY, approvals=POLICY.approvals[:1])
    assert version.state.stage == "retired"


def test_another_package_of_the_same_version_begins_anew() -> None:
    version = history()
    version.subject = replace(SUBJECT, sha256="b" * 64)
    assert version.state.stage is None
    assert len(version.state.void) == 3
    assert version.then("candidate").state.stage == "candidate"


INVESTIGATE = ("p-quinn", "investigation", "quality", "responsibility")


def test_an_anomaly_blocks_until_quality_signs_that_it_was_looked_into() -> None:
    version = history(QUALITY, until="quality approval")
    version.move("released", "retired")
    version.move("quality approval", "released")
    assert version.state.stage == "quality approval"
    assert "an anomaly is not examined: entry 8" in judge_approvals(version.state).summary
    version.then(INVESTIGATE)
    assert version.state.unexamined == ()
    assert len(version.state.anomalies) == 2
    assert version.then("released").state.stage == "released"


def test_an_investigation_covers_only_what_its_signer_saw() -> None:
    version = history(QUALITY, until="quality approval")
    version.move("released", "retired")
    seen = len(version.entries)
    version.move("released", "retired")
    version.sign(INVESTIGATE, head_size=seen, head_root=root(seen))
    assert [a.seq for a in version.state.unexamined] == [seen]


def test_the_fold_reads_entries_once_and_in_order() -> None:
    version = history()
    once = iter(version.entries)
    surroundings = Surroundings(frozenset({AUTHOR}), lambda size, found: found == root(size))
    assert state_of(POLICY, SUBJECT, once, surroundings) == version.state
    assert version.state.steps[0].at > BEGAN
