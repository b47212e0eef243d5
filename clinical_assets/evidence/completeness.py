"""Judges whether a model card answers everything that a release demands (GML-09).

A release is refused while one mandatory field is missing. Missing means empty text, an empty
list, None, or a number that cannot be meant (no people, the test set never opened). The
disclosure tables (HTI-1 attributes, draft labelling facts) may have unanswered rows: those are
shown on the card and counted here, and do not refuse. Whether criteria hold and gates pass is
decided by the gates, not here.
"""

import math
import re
from collections.abc import Callable, Iterator

from clinical_assets.evidence.card import ModelCard
from clinical_assets.modelling.records import Estimate, Verdict

GATE = "card_completeness"
SOURCE_ATTRIBUTES = 31
KEY_METRICS = (
    "auroc",
    "auprc",
    "brier",
    "calibration_slope",
    "calibration_intercept",
    "expected_calibration_error",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
)
_SHA256 = re.compile(r"[0-9a-f]{64}")

Field = tuple[str, bool]


def judge_card(card: ModelCard) -> Verdict:
    """Passed where no mandatory field is missing; the summary names every missing one."""
    fields = _fields(card)
    missing = missing_fields(card)
    answered = sum(bool(a.text) for a in card.source_attributes)
    labelled = sum(bool(a.text) for a in card.labelling)
    if missing:
        summary = f"{len(missing)} of {len(fields)} mandatory fields missing: {', '.join(missing)}"
        if any("commit" in name for name in missing):
            summary += ". Run from a git checkout, so that a commit names the source"
    else:
        summary = f"all {len(fields)} mandatory fields are filled"
    return Verdict(
        GATE,
        not missing,
        summary,
        {
            "mandatory": len(fields),
            "missing": len(missing),
            "source_attributes_answered": answered,
            "source_attributes_not_answered": SOURCE_ATTRIBUTES - answered,
            "labelling_not_answered": len(card.labelling) - labelled,
        },
    )


def missing_fields(card: ModelCard) -> tuple[str, ...]:
    """Names of the mandatory fields that are missing, in the order of the card."""
    return tuple(name for name, present in _fields(card) if not present)


def _fields(card: ModelCard) -> list[Field]:
    return [field for part in _PARTS for field in part(card)]


def _details(card: ModelCard) -> Iterator[Field]:
    yield "schema", _said(card.schema)
    d = card.details
    for name in ("name", "version", "title", "owner", "developer", "contact", "license", "date"):
        yield f"details.{name}", _said(getattr(d, name))
    for name in ("citation", "estimator", "kind"):
        yield f"details.{name}", _said(getattr(d, name))


def _use(card: ModelCard) -> Iterator[Field]:
    use = card.intended_use
    for name in ("statement", "population", "users", "setting", "decision", "output"):
        yield f"intended_use.{name}", _said(getattr(use, name))
    for name in ("out_of_scope", "risks", "limitations", "ethical_considerations"):
        yield f"intended_use.{name}", _listed(getattr(use, name))
    for name in ("column", "positive", "negative", "reference_standard"):
        yield f"label.{name}", _said(getattr(card.label, name))
    described = all(_said(i.name) and _said(i.unit) and _said(i.description) for i in card.inputs)
    yield "inputs", bool(card.inputs) and described


def _data(card: ModelCard) -> Iterator[Field]:
    yield "factors.subgroups", bool(card.factors.subgroups)
    yield "measures.operating_point.threshold", bool(card.measures.operating_point.threshold)
    yield "measures.operating_point.rationale", _said(card.measures.operating_point.rationale)
    yield "measures.interval", _said(card.measures.interval)
    test, training = card.evaluation_data, card.training_data
    yield "evaluation_data.rows", bool(test.rows)
    yield "evaluation_data.events", bool(test.events)
    yield "evaluation_data.unsealings", test.unsealings >= 1
    source = training.source
    for name in ("id", "title", "license", "citation", "collected_by", "collection", "consent"):
        yield f"training_data.source.{name}", _said(getattr(source, name))
    hashed = all(_hashed(f.sha256) and f.rows > 0 for f in source.files)
    yield "training_data.source.files", bool(source.files) and hashed
    yield "training_data.rows", training.rows > 0
    yield "training_data.events", training.events > 0
    yield "training_data.recipe", _listed(training.recipe.features) and training.recipe.rows > 0
    yield "selection.trials", any(t.chosen for t in card.selection.trials)


def _results(card: ModelCard) -> Iterator[Field]:
    for name in KEY_METRICS:
        yield f"results.metrics.{name}", _measured(card.results.metrics.get(name))
    results = card.results
    yield "results.conformal.coverage", _measured(results.conformal.coverage)
    for name in ("calibration_curve", "roc", "decision_curve", "subgroups", "fairness"):
        yield f"results.{name}", bool(getattr(results, name))
    yield "results.comparison", _said(results.comparison.metric)
    statements = results.statements
    yield "results.statements", bool(statements) and all(_said(s.text) for s in statements)


def _decision(card: ModelCard) -> Iterator[Field]:
    yield "criteria", bool(card.criteria)
    yield "gates", bool(card.gates) and all(_said(g.gate) and _said(g.summary) for g in card.gates)
    attributes = card.source_attributes
    shown = all(_said(a.id) and _said(a.question) and _said(a.basis) for a in attributes)
    yield "source_attributes", len(attributes) == SOURCE_ATTRIBUTES and shown
    yield "labelling", bool(card.labelling)
    # A recorded signature shows who and when (P11-13); neither may stand alone.
    named = all(
        _said(s.role) and _said(s.meaning) and _said(s.signer) == _said(s.signed_at)
        for s in card.signatures
    )
    yield "signatures", bool(card.signatures) and named
    planned = all(
        _said(m.metric) and _said(m.window) and _said(m.threshold) and _said(m.owner)
        for m in card.monitoring
    )
    yield "monitoring", bool(card.monitoring) and planned


def _origin(card: ModelCard) -> Iterator[Field]:
    p = card.provenance
    for name in ("commit", "commit_time", "python", "platform", "package_version"):
        yield f"provenance.{name}", _said(getattr(p, name))
    yield "provenance.lock_sha256", _hashed(p.lock_sha256)
    yield "digests", bool(card.digests) and all(_hashed(d.sha256) for d in card.digests)


_PARTS: tuple[Callable[[ModelCard], Iterator[Field]], ...] = (
    _details,
    _use,
    _data,
    _results,
    _decision,
    _origin,
)


def _said(text: str) -> bool:
    return bool(text.strip())


def _listed(items: tuple[str, ...]) -> bool:
    return bool(items) and all(_said(item) for item in items)


def _hashed(text: str) -> bool:
    return _SHA256.fullmatch(text) is not None


def _measured(estimate: Estimate | None) -> bool:
    """Value, interval, n and events are all there, and no number is NaN or infinite."""
    if estimate is None:
        return False
    parts = (estimate.value, estimate.lower, estimate.upper, estimate.n, estimate.events)
    return all(part is not None and math.isfinite(part) for part in parts)
