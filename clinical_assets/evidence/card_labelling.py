"""The labelling facts that FDA's draft guidance on AI-enabled device software asks for.

Draft of 7 January 2025; every rendering must carry the word "draft", and a final text gets a
profile of its own beside this one. Wording is ours. The card's other sections hold the details;
this table shows in one place which item is answered and which is not (AID-05).
"""

from collections.abc import Mapping

from clinical_assets.evidence.card import Answer, Results
from clinical_assets.evidence.card_source_attributes import Facts, Question, answer
from clinical_assets.evidence.metric_names import metric_digits, metric_label
from clinical_assets.evidence.provenance import SourceFacts
from clinical_assets.evidence.wording import (
    count,
    estimate_text,
    number,
    parameters_text,
    sentences,
)
from clinical_assets.modelling.records import CandidateRecord
from clinical_assets.modelling.spec import ClinicalModel

PROFILE = "FDA AI-enabled device software functions, draft guidance of 7 January 2025 (draft)"


def labelling_items(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    source: SourceFacts,
    results: Results,
    given: Mapping[str, str],
) -> tuple[Answer, ...]:
    """The labelling items, with ids ``aidsf-1`` … in the order of the draft."""
    facts = Facts(spec, candidate, source, results)
    return tuple(
        answer(f"aidsf-{index}", question, facts, given)
        for index, question in enumerate(QUESTIONS, start=1)
    )


def _uses_learning(facts: Facts) -> str:
    kind = facts.candidate.kind.replace("_", " ")
    return (
        f"The output comes from a machine-learned model ({kind}). It is locked: it does not "
        "learn in use."
    )


def _inputs(facts: Facts) -> str:
    return ", ".join(f"{c.name} ({c.unit})" for c in facts.spec.features)


def _architecture(facts: Facts) -> str:
    kind = facts.candidate.kind.replace("_", " ")
    parameters = parameters_text(facts.candidate.parameters)
    return f"{kind}; {parameters or 'no parameters'}; {len(facts.candidate.inputs)} inputs."


def _development_data(facts: Facts) -> str:
    candidate = facts.candidate
    return (
        f"{facts.source.title}: fitted on {candidate.training_rows:,} people, "
        f"{candidate.training_events:,} events. {facts.source.collection}"
    )


def _performance_data(facts: Facts) -> str:
    found = [e for e in facts.results.metrics.values() if e.n is not None]
    if not found:
        return ""
    return (
        f"Pre-defined test set of {count(found[0].n)} people, {count(found[0].events)} events, "
        "from the same source; no external data."
    )


def _performance(facts: Facts) -> str:
    wanted = ("auroc", "sensitivity", "specificity", "ppv", "npv")
    return "; ".join(
        f"{metric_label(m)} {estimate_text(facts.results.metrics[m], metric_digits(m))}"
        for m in wanted
        if m in facts.results.metrics
    )


def _monitoring(facts: Facts) -> str:
    return "; ".join(f"{m.metric} ({m.window}): {m.action}" for m in facts.spec.monitoring)


def _context(facts: Facts) -> str:
    conformal = facts.results.conformal
    return (
        f"Calibration curve, decision curve, subgroup plot; prediction sets at "
        f"{number(conformal.confidence * 100, 0)} % confidence."
    )


_AREA = "Labelling (draft)"

QUESTIONS: tuple[Question, ...] = (
    Question(_AREA, "Statement that AI is used, and how", "recorded", _uses_learning),
    Question(_AREA, "Inputs", "recorded", _inputs),
    Question(_AREA, "Outputs", "declared", lambda f: f.spec.intended_use.output),
    Question(_AREA, "Degree of automation", "declared", lambda f: f.spec.intended_use.decision),
    Question(_AREA, "Architecture", "recorded", _architecture),
    Question(_AREA, "Development data", "recorded", _development_data),
    Question(_AREA, "Performance data", "recorded", _performance_data),
    Question(_AREA, "Performance", "recorded", _performance),
    Question(_AREA, "Performance monitoring", "declared", _monitoring),
    Question(
        _AREA,
        "Known limitations",
        "declared",
        lambda f: sentences(f.spec.intended_use.limitations),
    ),
    Question(_AREA, "Installation and use", "declared", lambda _: ""),
    Question(_AREA, "Customisation at the site", "declared", lambda _: ""),
    Question(_AREA, "Metrics and plots that give context", "recorded", _context),
    Question(_AREA, "Information for patients and carers", "declared", lambda _: ""),
)
