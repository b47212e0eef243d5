"""The model card as a CycloneDX 1.6 BOM: one machine-learning model with its ``modelCard``.

The standard has no place for several facts of the card (acceptance criteria, signatures, digests
of the protocol); they stand as ``clinical:`` properties. The installed CycloneDX library cannot
write ``modelCard``, so the JSON is made here and its strict validator judges it.
"""

from collections.abc import Iterator
from typing import Any

from clinical_assets.canonical import digest_of
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.cyclonedx import bom_bytes, licenses, prop, sha256_hash
from clinical_assets.evidence.metric_names import RATE_LABELS
from clinical_assets.evidence.wording import SUPPRESSED, count, number, opened, parameters_text
from clinical_assets.modelling.records import Estimate, FairnessGap


def card_cyclonedx(card: ModelCard) -> bytes:
    """The BOM as canonical JSON; same card, same bytes. Check it with ``check_strict``."""
    d = card.details
    reference = f"model:{d.name}@{d.version}"
    component: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": reference,
        "name": d.name,
        "version": d.version,
        "description": d.title,
        "publisher": d.developer,
        "hashes": [sha256_hash(x.sha256) for x in card.digests if x.name == "model (ONNX)"],
        "modelCard": {
            "bom-ref": f"card:{d.name}@{d.version}",
            "modelParameters": _parameters(card),
            "quantitativeAnalysis": {"performanceMetrics": list(_metrics(card))},
            "considerations": _considerations(card),
            "properties": list(_properties(card)),
        },
    }
    if d.license:
        component["licenses"] = licenses(d.license)
    return bom_bytes(
        {
            "metadata": {"component": component},
            "dependencies": [{"ref": reference, "dependsOn": []}],
        }
    )


def _parameters(card: ModelCard) -> dict[str, Any]:
    training, test = card.training_data, card.evaluation_data
    source = training.source
    kind = card.details.kind.replace("_", " ")
    files = [prop(f"file:{f.name}", f"{f.rows} rows, SHA-256 {f.sha256}") for f in source.files]
    owners = []
    if source.collected_by:
        owners.append({"organization": {"name": source.collected_by}})
    return {
        "approach": {"type": "supervised"},
        "task": "binary classification",
        "architectureFamily": kind,
        "modelArchitecture": f"{kind}: {parameters_text(card.details.parameters) or 'default'}",
        "datasets": [
            {
                "type": "dataset",
                "name": f"{source.title} – training rows",
                "contents": {"properties": [*files, prop("digest", training.digest)]},
                "description": (
                    f"{training.rows} people, {training.events} events. {source.collection}"
                ),
                "governance": {"owners": owners},
                "sensitiveData": [source.consent] if source.consent else [],
            },
            {
                "type": "dataset",
                "name": f"{source.title} – test rows",
                "description": (
                    f"Pre-defined test set: {count(test.rows)} people, {count(test.events)} "
                    f"events; opened {opened(test.unsealings)}."
                ),
            },
        ],
        "inputs": [{"format": f"{i.name} ({i.unit})"} for i in card.inputs],
        "outputs": [{"format": card.intended_use.output}],
    }


def _metrics(card: ModelCard) -> Iterator[dict[str, Any]]:
    for name, estimate in card.results.metrics.items():
        yield _metric(name, estimate)
    yield _metric("conformal_coverage", card.results.conformal.coverage)
    for row in card.results.subgroups:
        for name, estimate in row.metrics.items():
            yield _metric(name, estimate, f"{row.subgroup}: {row.band}")
    for reference in card.results.references:
        slice_ = f"candidate minus {reference.name}"
        yield _metric(f"{card.results.comparison.metric}_difference", reference.difference, slice_)
    comparison = card.results.comparison
    if comparison.champion:
        slice_ = f"candidate minus champion {comparison.champion}"
        yield _metric(f"{comparison.metric}_difference", comparison.difference, slice_)


def _metric(name: str, estimate: Estimate, slice_: str = "") -> dict[str, Any]:
    """A metric; where there is no value, the value says why."""
    if estimate.value is None:
        hidden = estimate.n is None and estimate.events is None
        value = SUPPRESSED if hidden else f"not computed: {estimate.reason}"
    else:
        value = repr(estimate.value)
    metric: dict[str, Any] = {"type": name, "value": value}
    if slice_:
        metric["slice"] = slice_
    if estimate.lower is not None and estimate.upper is not None:
        metric["confidenceInterval"] = {
            "lowerBound": repr(estimate.lower),
            "upperBound": repr(estimate.upper),
        }
    return metric


def _considerations(card: ModelCard) -> dict[str, Any]:
    use = card.intended_use
    cautioned = [f"Out of scope: {item}" for item in use.out_of_scope]
    return {
        "users": [use.users] if use.users else [],
        "useCases": [text for text in (use.statement, *cautioned) if text],
        "technicalLimitations": [*use.limitations, *use.risks],
        "performanceTradeoffs": [
            f"Threshold {number(card.measures.operating_point.threshold, 2)}: "
            f"{card.measures.operating_point.rationale}",
            *(s.text for s in card.results.statements),
        ],
        "ethicalConsiderations": [{"name": item} for item in use.ethical_considerations],
        "fairnessAssessments": [_fairness(gap) for gap in card.results.fairness],
    }


def _fairness(gap: FairnessGap) -> dict[str, str]:
    rate = RATE_LABELS.get(gap.measure, gap.measure)
    if gap.difference is None:
        found = f"{rate}: not computed: {gap.reason}"
    else:
        found = (
            f"{rate}: largest difference {number(gap.difference)}, smallest ratio "
            f"{number(gap.ratio)} between {', '.join(gap.bands)}"
        )
    return {"groupAtRisk": f"bands of {gap.subgroup}", "harms": found}


def _properties(card: ModelCard) -> Iterator[dict[str, str]]:
    yield prop("card-schema", card.schema)
    yield prop("card-sha256", digest_of(card))
    for digest in card.digests:
        yield prop(f"sha256:{digest.name}", digest.sha256)
    for outcome in card.criteria:
        verdict = "met" if outcome.passed else f"failed: {outcome.reason}"
        yield prop(f"criterion:{outcome.criterion.name}", verdict)
    for gate in card.gates:
        yield prop(f"gate:{gate.gate}", "passed" if gate.passed else f"failed: {gate.summary}")
    for line in card.signatures:
        signed = (
            f"{line.signer}, {line.signed_at}"
            if line.signer
            else "demanded; given later, see the approval record"
        )
        where = f", {line.stage}" if line.stage else ""
        yield prop(f"signature:{line.role} ({line.meaning}{where})", signed)
    yield prop("commit", card.provenance.commit or "not answered")
    yield prop("source-dirty", str(card.provenance.dirty).lower())
