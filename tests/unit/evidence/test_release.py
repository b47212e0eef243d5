"""The verdict on a release: every gate, currently, and an intact package; nothing less."""

from dataclasses import replace

import pytest

from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from clinical_assets.evidence.release import (
    GateEvidence,
    PackageEvidence,
    changes_since,
    judge_release,
)
from clinical_assets.modelling.records import Evaluation, Verdict

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
        (replace(PACKAGE, outdated=("the criteria were changed",)), "the criteria were changed"),
    ):
        verdict = judge_release(GATES, package)
        assert not verdict.passed
        assert words in verdict.summary


def test_every_reason_is_named() -> None:
    bad = tuple(replace(gate, passed=False, summary="no") for gate in GATES)
    summary = judge_release(bad, None).summary
    assert all(words in summary for words in ("contract", "calibration", "no package"))


def record(evaluation: Evaluation) -> PackageRecord:
    return PackageRecord(
        "m", "1.0.0+a", "d" * 64, evaluation.candidate_sha256, "f", "f.zip", 1, 1, "s"
    )


def test_nothing_changed_since_the_package_was_judged(evaluation: Evaluation) -> None:
    found = changes_since(
        record(evaluation),
        evaluation,
        newest_package="d" * 64,
        criteria=evaluation.protocol_digest,
        rival=None,
        judged_again={"performance": Verdict("performance", True, "fine", {})},
    )
    assert found == ()


def test_each_change_since_the_package_was_judged_is_named(evaluation: Evaluation) -> None:
    found = changes_since(
        replace(record(evaluation), onnx_sha256="0" * 64),
        evaluation,
        newest_package="e" * 64,
        criteria="c" * 64,
        rival=ReleaseRecord("m", "1.1.0+b", "p" * 64, "o" * 64, "", ""),
        judged_again={"calibration": Verdict("calibration", False, "slope 3", {})},
    )
    words = (
        "another package",
        "another candidate",
        "criteria were changed",
        "now 1.1.0+b is to be",
        "gate calibration does not hold when it is decided again: slope 3",
    )
    assert len(found) == len(words)
    assert all(word in phrase for word, phrase in zip(words, found, strict=True))
