"""The verdict over everything that a release needs; pure, so that one function decides for all.

Read by the release asset and by whoever shows the state of a candidate. The facts come from
``resources/evidence.py``, the only reader of check results. Missing evidence is a failure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from clinical_assets.modelling.records import Evaluation, Verdict


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What is known of one gate.

    Attributes:
        gate: name of the check; ``asset``: the asset that it guards.
        passed: the newest outcome; None if the gate was never decided.
        current: whether that outcome is about the newest materialization of the asset.
        summary: the gate's own words.
    """

    gate: str
    asset: str
    passed: bool | None
    current: bool
    summary: str


@dataclass(frozen=True, slots=True)
class PackageEvidence:
    """What is known of the package that is to be released.

    Attributes:
        problems: findings of the package's verification, empty if intact and signed.
        stale: assets that were materialized after the package was built.
        outdated: what else changed since the package was judged, one phrase each: the criteria,
            the champion that it was compared with, or the newest package itself.
    """

    version: str
    digest: str
    problems: tuple[str, ...]
    stale: tuple[str, ...]
    outdated: tuple[str, ...] = ()


def changes_since(
    package: PackageRecord,
    evaluation: Evaluation,
    *,
    newest_package: str | None,
    criteria: str,
    rival: ReleaseRecord | None,
    judged_again: Mapping[str, Verdict],
) -> tuple[str, ...]:
    """What changed since the package was judged, one phrase each; empty if nothing did.

    Args:
        package, evaluation: what is to be released, and its evaluation.
        newest_package: digest of the package that the gates were last asked about.
        criteria: digest of the acceptance criteria as the spec declares them now (GML-08).
        rival: the released version that the candidate has to match now (PCC-02).
        judged_again: verdicts over the evaluation made just now, by gate: whoever can write into
            Dagster's event log can make a gate seem to have passed, but not these.
    """
    found = []
    if newest_package != package.digest:
        found.append("another package was built since, and the gates speak of that one")
    if evaluation.candidate_sha256 != package.onnx_sha256:
        found.append("the evaluation is of another candidate than the package")
    if evaluation.protocol_digest != criteria:
        found.append("the acceptance criteria were changed after they were frozen; run again")
    compared = evaluation.comparison
    if compared.champion_sha256 != (rival.onnx_sha256 if rival else ""):
        found.append(
            f"it was compared with {compared.champion or 'no champion'}, but now "
            f"{rival.version if rival else 'no champion'} is to be matched; run again"
        )
    found += [
        f"gate {gate} does not hold when it is decided again: {verdict.summary}"
        for gate, verdict in judged_again.items()
        if not verdict.passed
    ]
    return tuple(found)


def judge_release(gates: Sequence[GateEvidence], package: PackageEvidence | None) -> Verdict:
    """Whether the package may be released: every gate passed, currently, and the package is intact.

    A list without any gate fails: no evidence is not good evidence.
    """
    found: list[str] = []
    if not gates:
        found.append("no gate is known")
    for gate in gates:
        name = f"gate {gate.gate} of {gate.asset}"
        if gate.passed is None:
            found.append(f"{name} was never decided")
        elif not gate.passed:
            found.append(f"{name} refused: {gate.summary}")
        elif not gate.current:
            found.append(f"{name} was decided about an older {gate.asset}")
    if package is None:
        found.append("no package was built")
    else:
        found += [f"package: {problem}" for problem in package.problems]
        found += package.outdated
        if package.stale:
            found.append(f"the package is older than {', '.join(package.stale)}; build it again")
    passed = not found
    decided = sum(1 for gate in gates if gate.passed)
    summary = (
        f"All {len(gates)} gates passed and the package is intact." if passed else "; ".join(found)
    )
    return Verdict(
        gate="release",
        passed=passed,
        summary=summary,
        measurements={"gates": float(len(gates)), "passed": float(decided)},
    )
