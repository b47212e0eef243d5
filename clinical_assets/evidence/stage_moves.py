"""Whether the machine may move a version, and whether a version may be released or loaded (P11-06).

What belongs here: verdicts over a state. The same rule refuses a transition before it is written
and disregards one that somebody wrote past the machine. What does not: the gates themselves
(:mod:`.release`), whose verdict is handed in; missing evidence is a failure.
"""

from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.stage_state import StageState
from clinical_assets.evidence.stages import Transition, transitions
from clinical_assets.modelling.approvals import REVIEW_STAGES, Stage
from clinical_assets.modelling.records import Verdict


@dataclass(frozen=True, slots=True)
class NextStep:
    """A transition that leads on from the present stage, and what it still needs; empty if ready.

    A step that needs the gates to hold says so as long as nothing else is missing.
    """

    transition: Transition
    needs: str


def move_problem(state: StageState, after: str) -> str:
    """Why the machine must not move a version to ``after``, the gates aside; empty if it may."""
    rows = [t for t in transitions(state.stage) if t.after == after]
    if not rows:
        return f"no transition leads from {state.stage or 'nothing'} to {after}"
    if all(row.by == "signature" for row in rows):
        return f"only a signature leads from {state.stage} to {after}"
    if way := _closed_way(state, after):
        return way
    if state.stage == "suspended" and not state.reinstated:
        return "no reinstatement was signed since the suspension"
    if after == "released":
        return "; ".join(_against_release(state))
    if state.stage in REVIEW_STAGES:
        return _missing(state, state.stage)
    return ""


def _closed_way(state: StageState, after: str) -> str:
    """Why this version takes the table's other way from here, whatever is signed."""
    if state.stage == "suspended" and state.released_before != (after == "released"):
        was = "was released before" if state.released_before else "was never released"
        return f"a suspended version that {was} does not go to {after}"
    if state.stage == "clinical review":
        ethics = bool(state.policy.asked_in("ethics review"))
        if after == "quality approval" and ethics:
            return "the ethics review cannot be skipped: the policy asks for signatures there"
        if after == "ethics review" and not ethics:
            return "the policy asks for no signature in the ethics review, which is passed over"
    return ""


def judge_transition(
    state: StageState, after: Stage, *, gates: Verdict | None = None
) -> ClinicalError | None:
    """Why the machine must not move the version to ``after`` now; None if it may.

    The words go into the ledger with the refusal (``stage.refused``).

    Args:
        gates: the verdict over the gates, made just now; needed for ``clinical review`` and
            ``released``. None counts as gates that do not hold.
    """
    problem = move_problem(state, after)
    if not problem and any(row.gates for row in transitions(state.stage, after)):
        if gates is None:
            problem = "the gates were not decided"
        elif not gates.passed:
            problem = f"the gates do not hold: {gates.summary}"
    if not problem:
        return None
    return ClinicalError(
        f"{state.subject.id} {state.subject.version} does not enter {after}: {problem}",
        where=f"stage {state.stage or 'none'}",
        repair="See what is waited for with `clinical stage show`",
    )


def next_steps(state: StageState) -> tuple[NextStep, ...]:
    """Every transition that leads on from here under this policy, each with what it needs."""
    found = []
    for row in transitions(state.stage):
        if row.by == "signature":
            roles = row.roles
            if row.meaning == "rejection" and state.stage is not None:
                roles = tuple(dict.fromkeys(a.role for a in state.policy.asked_in(state.stage)))
            by = f" by {', '.join(roles)}" if roles else ""
            found.append(NextStep(row, f"a signature of meaning {row.meaning}{by}"))
            continue
        if _closed_way(state, row.after):
            continue
        problem = move_problem(state, row.after)
        found.append(NextStep(row, problem or ("every gate holds" if row.gates else "")))
    return tuple(found)


def judge_approvals(state: StageState) -> Verdict:
    """The gate ``approvals``: every signature that the policy asks for is there and valid.

    Passes before the release, in the last stage, and for a version that is in force.
    """
    problems = list(_against_release(state))
    if state.stage not in ("quality approval", "released"):
        problems.insert(0, f"the version is in {state.stage or 'no stage'}")
    return _verdict("approvals", state, problems)


def judge_in_force(state: StageState) -> Verdict:
    """Whether the version may be loaded: it is released, and every signature still counts.

    An anomaly after the release is shown and does not stop a version whose signatures hold; to
    stop it there is quarantine.
    """
    problems = [f"{approval} is missing" for approval in state.missing]
    if state.stage != "released":
        problems.insert(0, f"the version is {_where(state)}, not released")
    return _verdict("in force", state, problems)


def _verdict(gate: str, state: StageState, problems: list[str]) -> Verdict:
    asked = len(state.policy.approvals)
    good = f"All {asked} signatures that the policy asks for are valid."
    return Verdict(
        gate=gate,
        passed=not problems,
        summary="; ".join(problems) or good,
        measurements={
            "signatures": float(asked - len(state.missing)),
            "demanded": float(asked),
            "anomalies": float(len(state.anomalies)),
        },
    )


def _against_release(state: StageState) -> list[str]:
    found = [f"{approval} is missing" for approval in state.missing]
    found += [f"an anomaly is not examined: {anomaly}" for anomaly in state.unexamined]
    return found


def _missing(state: StageState, stage: str) -> str:
    return "; ".join(f"{a} is missing" for a in state.missing if a.stage == stage)


def _where(state: StageState) -> str:
    if state.stage in REVIEW_STAGES:
        return f"in {state.stage}"
    return state.stage or "in no stage"
