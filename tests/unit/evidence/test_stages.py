"""Every pair of stages: what the table allows is obeyed, and nothing else is."""

from dataclasses import replace

import pytest

from clinical_assets.evidence.stage_moves import (
    judge_approvals,
    judge_in_force,
    judge_transition,
    next_steps,
)
from clinical_assets.evidence.stages import TRANSITIONS, StagePolicy, transition_table
from clinical_assets.modelling.approvals import STAGES, Stage
from clinical_assets.modelling.records import Verdict
from tests.unit.evidence.signed_version import (
    CLINICAL,
    ETHICS,
    NO_ETHICS,
    POLICY,
    QUALITY,
    QUARANTINE,
    REINSTATE,
    RETIRE,
    SUBJECT,
    SUSPEND,
    History,
    history,
)

GOOD = Verdict("release", True, "All 3 gates passed.", {})
BAD = Verdict("release", False, "gate calibration refused", {})


def versions() -> dict[str, History]:
    """A version in each stage, with every signature that the stage waits for."""
    return {
        "nothing": History(),
        "candidate": history(until="candidate"),
        "validation": history(until="validation"),
        "clinical review": history(CLINICAL, until="clinical review"),
        "ethics review": history(ETHICS, until="ethics review"),
        "quality approval": history(QUALITY, until="quality approval"),
        "released": history(),
        "suspended": history(SUSPEND, REINSTATE),
        "quarantined": history(QUARANTINE),
        "retired": history(RETIRE),
        "suspended early": history(QUARANTINE, SUSPEND, REINSTATE, until="candidate"),
    }


# Written down once more, apart from the table in the code: the moves that the machine may make.
LEGAL = {
    ("nothing", "candidate"),
    ("candidate", "validation"),
    ("validation", "clinical review"),
    ("clinical review", "ethics review"),
    ("ethics review", "quality approval"),
    ("quality approval", "released"),
    ("suspended", "released"),
    ("suspended early", "validation"),
}


@pytest.mark.parametrize("after", STAGES)
@pytest.mark.parametrize("before", versions())
def test_each_pair_is_obeyed_or_refused_and_reported(before: str, after: Stage) -> None:
    version = versions()[before]
    state = version.state
    refusal = judge_transition(state, after, gates=GOOD)
    version.move(state.stage or "", after)
    then = version.state
    assert not state.anomalies
    if (before, after) in LEGAL:
        assert refusal is None
        assert (then.stage, then.anomalies) == (after, ())
    else:
        assert refusal is not None
        assert f"does not enter {after}" in refusal.what
        assert then.stage == state.stage
        assert "is not a legal transition" in str(then.anomalies[0])
        assert after != "released" or not judge_in_force(then).passed or before == "released"


@pytest.mark.parametrize(
    ("until", "after", "missing"),
    [
        ("clinical review", "ethics review", "review by clinical reviewer in clinical review"),
        ("ethics review", "quality approval", "review by ethics board in ethics review"),
        ("quality approval", "released", "approval by quality in quality approval"),
    ],
)
def test_without_its_signatures_a_stage_is_not_left(until: str, after: Stage, missing: str) -> None:
    version = history(until=until)
    refusal = judge_transition(version.state, after, gates=GOOD)
    assert refusal is not None
    assert f"{missing} is missing" in refusal.what
    version.move(until, after)
    assert version.state.stage == until
    assert len(version.state.anomalies) == 1


@pytest.mark.parametrize("gates", [None, BAD])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("validation", "clinical review"),
        ("quality approval", "released"),
        ("suspended", "released"),
    ],
)
def test_without_good_gates_nothing_goes_to_review_or_release(
    before: str, after: Stage, gates: Verdict | None
) -> None:
    state = versions()[before].state
    refusal = judge_transition(state, after, gates=gates)
    assert refusal is not None
    assert "gates" in refusal.what
    assert "Traceback" not in str(refusal)


def test_a_wrong_stage_before_is_reported() -> None:
    version = history(until="candidate")
    version.move("", "validation")
    assert version.state.stage == "candidate"
    assert "it was in candidate" in str(version.state.anomalies[0])


def test_a_stage_that_does_not_exist_is_reported() -> None:
    version = history(until="candidate")
    version.move("candidate", "praised")
    assert version.state.stage == "candidate"
    assert len(version.state.anomalies) == 1


def test_two_processes_that_move_a_version_alike_do_no_harm() -> None:
    version = history(until="clinical review")
    version.move("validation", "clinical review")
    assert version.state.stage == "clinical review"
    assert version.state.anomalies == ()
    assert len(version.state.steps) == 3


@pytest.mark.parametrize("outcome", ["intended", "failed", "refused", "interrupted"])
def test_what_was_not_done_moves_nothing(outcome: str) -> None:
    version = history(QUALITY, until="quality approval")
    version.move("quality approval", "released", outcome=outcome)
    assert version.state.stage == "quality approval"
    assert version.state.anomalies == ()


def test_ethics_review_is_passed_over_where_no_approval_is_declared() -> None:
    version = history(CLINICAL, until="clinical review", policy=NO_ETHICS)
    refusal = judge_transition(version.state, "ethics review", gates=GOOD)
    assert refusal is not None
    assert "passed over" in refusal.what
    assert next(s.transition.after for s in next_steps(version.state)) == "quality approval"
    version.then("quality approval", QUALITY, "released")
    assert version.state.stage == "released"


def test_ethics_review_is_not_skipped_where_one_is_declared() -> None:
    version = history(CLINICAL, until="clinical review")
    refusal = judge_transition(version.state, "quality approval", gates=GOOD)
    assert refusal is not None
    assert "cannot be skipped" in refusal.what


def test_an_ordinary_release() -> None:
    version = history()
    state = version.state
    assert [step.stage for step in state.steps] == [
        "candidate",
        "validation",
        "clinical review",
        "ethics review",
        "quality approval",
        "released",
    ]
    assert state.since == version.entries[-1].at
    assert len(state.valid) == 3
    assert (state.void, state.missing, state.anomalies) == ((), (), ())
    assert judge_approvals(state).passed
    assert judge_in_force(state).passed


@pytest.mark.parametrize("before", versions())
def test_what_is_shown_as_next_agrees_with_the_refusals(before: str) -> None:
    state = versions()[before].state
    for step in next_steps(state):
        if step.transition.by == "machine":
            refusal = judge_transition(state, step.transition.after, gates=GOOD)
            assert (refusal is None) == (step.needs in ("", "every gate holds"))
    shown = {s.transition.after for s in next_steps(state) if s.transition.by == "machine"}
    assert {after for b, after in LEGAL if b == before} <= shown


@pytest.mark.parametrize("before", versions())
def test_only_a_released_version_is_in_force(before: str) -> None:
    state = versions()[before].state
    assert judge_in_force(state).passed == (before == "released")
    assert judge_approvals(state).passed == (before in ("released", "quality approval"))


def test_other_versions_and_models_do_not_matter() -> None:
    version = history(until="clinical review")
    for other in ({"id": "sepsis"}, {"version": "2.0.0"}, {"kind": "table"}):
        version.entries += history(subject=replace(SUBJECT, **other)).entries
    assert version.state.stage == "clinical review"
    assert version.state.signatures == ()


def test_the_table_names_every_stage_and_is_markdown() -> None:
    lines = transition_table().splitlines()
    assert len(lines) == len(TRANSITIONS) + 2
    assert all(line.count("|") == 5 for line in lines)
    assert {t.before for t in TRANSITIONS} == {None, *STAGES} - {"retired"}
    assert {t.after for t in TRANSITIONS} == set(STAGES)


def test_a_policy_is_named_by_what_it_declares() -> None:
    again = StagePolicy("diabetes", POLICY.approvals)
    in_force_before = "b74dc1c8b7b0ac3a7116af50c5aedcf073967a00199154411c524cd374e6b3b8"
    assert POLICY.digest == in_force_before  # signatures of old keep their policy
    with_author = replace(POLICY, authors=("anton",))
    assert with_author.digest not in (POLICY.digest, replace(POLICY, authors=("berta",)).digest)
    assert again.digest == POLICY.digest
    assert len({POLICY.digest, NO_ETHICS.digest, StagePolicy("x", POLICY.approvals).digest}) == 3
