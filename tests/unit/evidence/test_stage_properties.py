"""Whatever is appended, a version is released only upon every signature that the policy asks for.

The oracle knows no stages: it looks for signatures that are whole, by persons who may sign, on
this package, given before, and not revoked.
"""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.evidence.signatures import verify_signature
from clinical_assets.evidence.stage_fold import state_of
from clinical_assets.ledger.actions import Signed
from clinical_assets.ledger.entry import Entry
from clinical_assets.modelling.approvals import STAGES
from tests.unit.evidence.signed_version import (
    AUTHOR,
    CLINICAL,
    ETHICS,
    NAMES,
    POLICY,
    QUALITY,
    QUARANTINE,
    REINSTATE,
    RELEASE,
    RETIRE,
    SUBJECT,
    SURROUNDINGS,
    SUSPEND,
    History,
)

SIGNED = [CLINICAL, ETHICS, QUALITY, REINSTATE, QUARANTINE, SUSPEND, RETIRE]
TAMPERING: list[dict[str, Any]] = [
    {"factors": ()},
    {"policy_sha256": "f" * 64},
    {"head_root": "0" * 64},
    {"demonstration": True},
    {"subject": replace(SUBJECT, sha256="b" * 64)},
]
person = st.sampled_from(sorted(NAMES))
step = st.one_of(
    st.sampled_from(STAGES),
    st.sampled_from(SIGNED),
    st.builds(lambda who, signed: (who, *signed[1:]), person, st.sampled_from(SIGNED)),
    st.builds(lambda signed: (*signed[:3], "rejection"), st.sampled_from(SIGNED[:3])),
)
edit = st.one_of(
    st.tuples(st.just("insert"), st.integers(0, 12), step),
    st.tuples(st.just("drop"), st.integers(0, 12), st.none()),
    st.tuples(st.just("swap"), st.integers(0, 12), st.none()),
    st.tuples(st.just("revoke"), st.integers(3, 12), person),
    st.tuples(st.just("tamper"), st.integers(0, 12), st.sampled_from(TAMPERING)),
    st.tuples(st.just("copy"), st.integers(0, 12), st.none()),
)


def edited(edits: list[Any]) -> History:
    """The history of an ordinary release with edits made to it, and then written as it comes."""
    plan: list[Any] = list(RELEASE)
    for kind, place, what in edits:
        place = min(place, len(plan))
        if kind == "insert":
            plan.insert(place, what)
        elif kind == "revoke":
            plan.insert(place, ("revoke", what))
        elif kind == "copy":
            plan.insert(place, ("copy", place))
        elif place < len(plan):
            if kind == "drop":
                plan.pop(place)
            elif kind == "swap" and place + 1 < len(plan):
                plan[place : place + 2] = plan[place : place + 2][::-1]
            elif kind == "tamper" and isinstance(plan[place], tuple) and len(plan[place]) == 4:
                plan[place] = ("tamper", plan[place], what)
    version = History()
    for item in plan:
        if isinstance(item, str):
            version.move(version.state.stage or "", item)
        elif item[0] == "revoke":
            own = [s for s in version.state.valid if s.signer == item[1]]
            for s in own[:1]:
                version.sign((s.signer, s.stage, s.role, "revocation"), revokes=s.digest)
        elif item[0] == "copy":
            if item[1] < len(version.entries):
                version.add(version.entries[item[1]].act)
        elif item[0] == "tamper":
            version.sign(item[1], **item[2])
        else:
            version.sign(item)
    return version


def whole(entry: Entry) -> bool:
    signed = entry.act.details
    return (
        isinstance(signed, Signed)
        and verify_signature(entry).valid
        and entry.act.subject == SUBJECT
        and signed.policy_sha256 == POLICY.digest
        and "password" in signed.factors
        and not signed.demonstration
        and entry.act.actor.id != AUTHOR
        and SURROUNDINGS.holds_root(signed.head_size, signed.head_root)
    )


def fully_signed(entries: list[Entry]) -> bool:
    found = [e for e in entries if whole(e)]
    revoked = {
        (e.act.details.revokes, e.act.actor.id)
        for e in found
        if e.act.details.meaning == "revocation"
    }
    standing = [e for e in found if (e.act.details.signature_sha256, e.act.actor.id) not in revoked]
    return all(
        any(
            (e.act.details.stage, e.act.details.role, e.act.details.meaning)
            == (asked.stage, asked.role, asked.meaning)
            for e in standing
        )
        for asked in POLICY.approvals
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(edit, max_size=4))
def test_released_only_with_every_signature_before(edits: list[Any]) -> None:
    entries = edited(edits).entries
    rejected = False
    for size in range(len(entries) + 1):
        state = state_of(POLICY, SUBJECT, entries[:size], SURROUNDINGS)
        rejected = rejected or any(
            s.standing == "took effect" and s.meaning == "rejection" for s in state.signatures
        )
        if state.stage == "released":
            assert fully_signed(entries[:size])
            assert not rejected
            signers = [s.signer for s in state.valid if s.stage != "reinstatement"]
            assert len(set(signers)) == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(step, max_size=12))
def test_any_sequence_at_all_is_read_without_an_error(steps: list[Any]) -> None:
    version = History().then(*steps)
    state = version.state
    assert len(state.signatures) == sum(not isinstance(s, str) for s in steps)
    assert state.stage != "released" or fully_signed(version.entries)
    if state.stage == "retired":
        assert version.then(*RELEASE).state.stage == "retired"


def test_the_unedited_history_is_released() -> None:
    assert edited([]).state.stage == "released"
