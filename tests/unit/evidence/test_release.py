"""The verdict on a release: every gate, currently, and an intact package; nothing less."""

from dataclasses import replace

import pytest

from clinical_assets.evidence.release import GateEvidence, PackageEvidence, judge_release

GATES = (
    GateEvidence("contract", "m/dataset", True, True, "fine"),
    GateEvidence("calibration", "m/evaluation", True, True, "fine"),
)
PACKAGE = PackageEvidence("1.0.0+a", "0" * 64, (), ())


def test_complete_good_evidence_passes() -> None:
    verdict = judge_release(GATES, PACKAGE)
    assert verdict.passed
    assert verdict.measurements == {"gates": 2.0, "passed": 2.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"passed": False, "summary": "slope 2.4"}, "calibration of m/evaluation refused: slope"),
        ({"passed": None}, "calibration of m/evaluation was never decided"),
        ({"current": False}, "decided about an older m/evaluation"),
    ],
)
def test_one_gate_that_is_not_good_refuses(change: dict, words: str) -> None:
    verdict = judge_release((GATES[0], replace(GATES[1], **change)), PACKAGE)
    assert not verdict.passed
    assert words in verdict.summary


def test_no_gate_at_all_refuses() -> None:
    assert "no gate is known" in judge_release((), PACKAGE).summary


def test_no_package_refuses() -> None:
    verdict = judge_release(GATES, None)
    assert not verdict.passed
    assert "no package was built" in verdict.summary


def test_a_package_with_problems_or_out_of_date_refuses() -> None:
    for package, words in (
        (replace(PACKAGE, problems=("spec.json changed",)), "spec.json changed"),
        (replace(PACKAGE, stale=("m/candidate",)), "older than m/candidate"),
    ):
        verdict = judge_release(GATES, package)
        assert not verdict.passed
        assert words in verdict.summary


def test_every_reason_is_named() -> None:
    bad = tuple(replace(gate, passed=False, summary="no") for gate in GATES)
    summary = judge_release(bad, None).summary
    assert all(words in summary for words in ("contract", "calibration", "no package"))
