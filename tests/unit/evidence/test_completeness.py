"""The completeness gate: a full card passes, every missing field is named, an empty card fails."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from clinical_assets.evidence.card import ModelCard, SignatureLine
from clinical_assets.evidence.completeness import judge_card, missing_fields
from clinical_assets.modelling.records import Estimate
from tests.unit.evidence import examples

Change = Callable[[ModelCard], ModelCard]


def set_at(path: str, value: Any) -> Change:
    """A change of one field of the card, by its dotted path."""

    def change(record: Any, names: list[str]) -> Any:
        head, *rest = names
        if isinstance(record, dict):
            return {**record, head: change(record[head], rest) if rest else value}
        inner = change(getattr(record, head), rest) if rest else value
        return dataclasses.replace(record, **{head: inner})

    return lambda card: change(card, path.split("."))


def test_a_full_card_passes_with_counts() -> None:
    verdict = judge_card(examples.card())
    assert verdict.passed
    assert verdict.measurements["missing"] == 0
    assert verdict.measurements["source_attributes_not_answered"] == 14
    assert "mandatory fields are filled" in verdict.summary


def test_an_empty_card_fails_in_every_field() -> None:
    verdict = judge_card(examples.blank(examples.card()))
    assert not verdict.passed
    assert verdict.measurements["missing"] == verdict.measurements["mandatory"]
    assert verdict.measurements["source_attributes_answered"] == 0


UNDEFINED = Estimate(None, None, None, 332, 109, "undefined")

BAD: list[tuple[str, Any, str]] = [
    ("details.contact", "", "details.contact"),
    ("details.title", "   ", "details.title"),
    ("intended_use.out_of_scope", (), "intended_use.out_of_scope"),
    ("intended_use.risks", ("",), "intended_use.risks"),
    ("label.reference_standard", "", "label.reference_standard"),
    ("inputs", (), "inputs"),
    ("factors.subgroups", (), "factors.subgroups"),
    ("measures.operating_point.rationale", "", "measures.operating_point.rationale"),
    ("evaluation_data.rows", None, "evaluation_data.rows"),
    ("evaluation_data.unsealings", 0, "evaluation_data.unsealings"),
    ("training_data.source.consent", "", "training_data.source.consent"),
    ("training_data.source.files", (), "training_data.source.files"),
    ("training_data.rows", 0, "training_data.rows"),
    ("selection.trials", (), "selection.trials"),
    ("results.metrics.auroc", UNDEFINED, "results.metrics.auroc"),
    ("results.metrics", {}, "results.metrics.npv"),
    ("results.metrics.brier.lower", None, "results.metrics.brier"),
    ("results.metrics.ppv.value", float("nan"), "results.metrics.ppv"),
    ("results.conformal.coverage", UNDEFINED, "results.conformal.coverage"),
    ("results.subgroups", (), "results.subgroups"),
    ("results.fairness", (), "results.fairness"),
    ("results.statements", (), "results.statements"),
    ("criteria", (), "criteria"),
    ("gates", (), "gates"),
    ("source_attributes", (), "source_attributes"),
    ("labelling", (), "labelling"),
    ("signatures", (), "signatures"),
    ("signatures", (SignatureLine("quality", "review", "Ada", ""),), "signatures"),
    ("monitoring", (), "monitoring"),
    ("provenance.commit", "", "provenance.commit"),
    ("provenance.lock_sha256", "abc", "provenance.lock_sha256"),
    ("digests", (), "digests"),
]


@pytest.mark.parametrize(("path", "value", "named"), BAD, ids=[f"{p}={v!r:.20}" for p, v, _ in BAD])
def test_each_missing_field_fails_and_is_named(path: str, value: Any, named: str) -> None:
    card = set_at(path, value)(examples.card())
    verdict = judge_card(card)
    assert not verdict.passed
    assert named in missing_fields(card)
    assert named in verdict.summary
    assert verdict.measurements["missing"] == len(missing_fields(card))


def test_unanswered_disclosure_rows_are_counted_and_do_not_refuse() -> None:
    card = examples.card(examples.spec(monitoring=examples.spec().monitoring[:1]))
    assert judge_card(card).passed
    more = examples.card(answers={f"hti1-{i}": "said" for i in (2, 13, 14)})
    assert judge_card(more).measurements["source_attributes_not_answered"] == 11


def test_a_failed_criterion_or_gate_is_not_an_incomplete_card() -> None:
    card = examples.card()
    failed = tuple(dataclasses.replace(c, passed=False, reason="below") for c in card.criteria)
    assert judge_card(dataclasses.replace(card, criteria=failed)).passed
