"""The card is made from the records, says so in plain words, and refuses strangers."""

import dataclasses

import pytest

from clinical_assets.canonical import canonical_json, from_plain, sha256, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.card import ModelCard, SignatureLine
from clinical_assets.evidence.card_build import build_card
from clinical_assets.evidence.card_source_attributes import QUESTIONS, listed_variables
from clinical_assets.evidence.card_statements import outcome_of
from clinical_assets.modelling.records import ConformalResult, Estimate
from tests.unit.evidence import examples


def test_the_card_survives_json_unchanged() -> None:
    card = examples.card()
    assert from_plain(ModelCard, to_plain(card)) == card
    assert canonical_json(examples.card()) == canonical_json(card)


def test_numbers_come_from_the_records() -> None:
    card = examples.card()
    assert card.results.metrics == examples.evaluation().metrics
    assert (card.evaluation_data.rows, card.evaluation_data.events) == (332, 109)
    assert (card.training_data.rows, card.training_data.events) == (240, 85)
    assert card.details.date == "2026-11-24T03:20:00Z"
    bmi = next(i for i in card.inputs if i.name == "bmi_kg_per_m2")
    assert bmi.imputed_with == 32.9
    assert card.inputs[-1].indicator_of == "bmi_kg_per_m2"
    assert tuple(i.name for i in card.inputs) == examples.spec().inputs


def test_a_candidate_that_is_not_better_than_the_baseline_is_called_so() -> None:
    statement = examples.card().results.statements[0]
    assert statement.outcome == "not better"
    text = statement.text.replace("\xa0", " ")
    assert text == (
        "Not shown to be better than logistic regression, all rows: the difference in AUROC is "
        "−0.001, and its 95 % interval, −0.008 to +0.006, includes 0."
    )


def test_the_champion_is_named_or_its_absence_is() -> None:
    without, with_one = examples.card(), examples.card(measured=examples.evaluation(champion=True))
    assert without.results.statements[-1].text == (
        "Compared with no champion: there was none when this card was made."
    )
    said = with_one.results.statements[-1].text
    assert "Better than the champion diabetes_risk 0.9.0" in said
    assert "excludes 0" in said
    assert "within the tolerated loss of 0.030" in said


@pytest.mark.parametrize(
    ("lower", "upper", "metric", "outcome"),
    [
        (0.001, 0.02, "auroc", "better"),
        (0.0, 0.02, "auroc", "not better"),
        (-0.02, 0.0, "auroc", "not better"),
        (-0.02, -0.001, "auroc", "worse"),
        (-0.02, -0.001, "brier", "better"),
        (0.001, 0.02, "errors", "worse"),
        (0.1, 0.2, "calibration_slope", "not compared"),
        (None, None, "auroc", "not compared"),
    ],
)
def test_outcome_follows_the_interval(
    lower: float | None, upper: float | None, metric: str, outcome: str
) -> None:
    assert outcome_of(Estimate(0.01, lower, upper, 332, 109), metric) == outcome


def test_criteria_pass_and_fail_by_their_limit() -> None:
    assert all(c.passed for c in examples.card().criteria)
    weak = examples.metrics(auroc=Estimate(0.78, 0.74, 0.83, 332, 109))
    first = examples.card(measured=examples.evaluation(metrics=weak)).criteria[0]
    assert (first.passed, first.measured) == (False, 0.74)


@pytest.mark.parametrize(
    "auroc",
    [
        Estimate(None, None, None, 332, 109, "undefined"),
        Estimate(0.9, None, None, 332, 109, "no interval"),
        Estimate(0.9, 0.88, 0.92, 332, 29),
        Estimate(float("nan"), 0.88, 0.92, 332, 109),
    ],
    ids=["no value", "no bound", "too few events", "NaN"],
)
def test_missing_or_too_little_evidence_fails_a_criterion(auroc: Estimate) -> None:
    measured = examples.evaluation(metrics=examples.metrics(auroc=auroc))
    first = examples.card(measured=measured).criteria[0]
    assert not first.passed
    assert first.reason


def test_an_unmeasured_metric_fails_its_criterion() -> None:
    metrics = examples.metrics()
    del metrics["brier"]
    outcome = examples.card(measured=examples.evaluation(metrics=metrics)).criteria[1]
    assert (outcome.passed, outcome.measured) == (False, None)
    assert "not measured" in outcome.reason


@pytest.mark.parametrize("what", ["spec", "candidate", "protocol candidate", "protocol"])
def test_records_of_different_origin_make_no_card(what: str) -> None:
    model, measured = examples.spec(), examples.evaluation()
    candidate, protocol = examples.candidate(model), examples.protocol(model)
    other = sha256(b"other")
    if what == "spec":
        candidate = dataclasses.replace(candidate, spec_digest=other)
    if what == "candidate":
        measured = dataclasses.replace(measured, candidate_sha256=other)
    if what == "protocol candidate":
        protocol = dataclasses.replace(protocol, candidate_sha256=other)
    if what == "protocol":
        protocol = dataclasses.replace(protocol, digest=other)
    with pytest.raises(ClinicalError, match=what.split()[0]):
        build_card(
            model,
            candidate,
            measured,
            protocol,
            examples.source(),
            examples.provenance(),
            1,
        )


def test_small_prediction_set_counts_are_hidden_with_one_that_would_tell() -> None:
    few = ConformalResult(0.9, 60, examples.evaluation().conformal.coverage, 3, 228, 101, 0.2)
    sets = examples.card(measured=examples.evaluation(conformal=few)).results.conformal
    assert (sets.empty, sets.single, sets.both) == (None, 228, None)


def test_all_31_source_attributes_are_listed_and_missing_ones_say_so() -> None:
    attributes = examples.card().source_attributes
    assert [a.id for a in attributes] == [f"hti1-{i}" for i in range(1, 32)]
    assert len(QUESTIONS) == 31
    for attribute in attributes:
        assert bool(attribute.text) == (attribute.basis != "not answered")
    sections: dict[str, int] = {}
    for attribute in attributes:
        sections[attribute.section] = sections.get(attribute.section, 0) + 1
    assert list(sections.values()) == [4, 4, 2, 4, 2, 4, 5, 4, 2]


def test_answers_of_the_developer_fill_what_cannot_be_measured() -> None:
    card = examples.card(answers={"hti1-2": "No external funding."})
    assert card.source_attributes[1].text == "No external funding."
    assert card.source_attributes[1].basis == "declared"
    with pytest.raises(ClinicalError, match="answered from the records"):
        examples.card(answers={"hti1-21": "Excellent."})
    with pytest.raises(ClinicalError, match="no question hti1-99"):
        examples.card(answers={"hti1-99": "?"})


def test_listed_variables_match_whole_words_of_names() -> None:
    text = listed_variables(("age_years", "average_dose", "sex", "zip_code"))
    assert "date of birth (or age) as age_years;" in text
    assert "average_dose" not in text
    assert "sex as sex" in text
    assert "social determinants of health as zip_code" in text
    assert "race" in text.split("No input is named after:")[1]


def test_recorded_signatures_are_kept_and_demanded_ones_wait() -> None:
    at = "2026-11-24T09:00:00Z"
    signed = SignatureLine("quality", "review", "Ada Example", at, "quality approval")
    other = SignatureLine("ethics board", "review", "Bo Example", at, "ethics review")
    lines = examples.card(signatures=(signed, other)).signatures
    assert signed in lines
    assert other in lines
    assert SignatureLine("clinical reviewer", "approval", stage="clinical review") in lines
    assert len(lines) == 3
