"""Lays a model card out as a document: head, key figures and the order of sections."""

from clinical_assets.canonical import digest_of
from clinical_assets.evidence import card_result_sections as results
from clinical_assets.evidence import card_sections as sections
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.document import Callout, Document, Text, Tile
from clinical_assets.evidence.metric_names import metric_digits, metric_label
from clinical_assets.evidence.wording import count, estimate_text, interval, number, plural
from clinical_assets.modelling.records import Estimate

KEY_METRICS = ("auroc", "brier", "calibration_slope", "sensitivity", "specificity")


def card_document(card: ModelCard) -> Document:
    """The document that every readable form of the card renders."""
    d = card.details
    return Document(
        kind="Model card",
        title=d.title or "not answered",
        subtitle=f"{d.name} {d.version} · {d.kind.replace('_', ' ')} · {d.developer}",
        badges=_badges(card),
        tiles=_tiles(card),
        callouts=_callouts(card),
        sections=(
            sections.intended_use(card),
            sections.risks(card),
            results.performance(card),
            results.subgroups(card),
            results.comparison(card),
            results.acceptance(card),
            results.signatures(card),
            sections.details(card),
            sections.inputs(card),
            sections.factors(card),
            sections.data(card),
            sections.selection(card),
            results.monitoring(card),
            results.labelling(card),
            results.source_attributes(card),
            sections.provenance(card),
        ),
        digest=digest_of(card),
    )


def _badges(card: ModelCard) -> tuple[Text, ...]:
    met, all_ = sum(c.passed for c in card.criteria), len(card.criteria)
    gates, all_gates = sum(g.passed for g in card.gates), len(card.gates)
    return (
        Text(f"{met} of {all_} acceptance criteria met", "good" if met == all_ > 0 else "bad"),
        Text(
            f"{gates} of {all_gates} gates before the card passed",
            "good" if gates == all_gates > 0 else "bad",
        ),
        Text(f"{plural(len(card.signatures), 'signature')} demanded for release", "caution"),
    )


def _tiles(card: ModelCard) -> tuple[Tile, ...]:
    people, events = card.evaluation_data.rows, card.evaluation_data.events
    tiles = [Tile("Test set", count(people), f"people, {count(events)} events")]
    for metric in KEY_METRICS:
        if metric in card.results.metrics:
            estimate = card.results.metrics[metric]
            tiles.append(_tile(metric_label(metric), estimate, metric_digits(metric)))
    return tuple(tiles)


def _tile(label: str, estimate: Estimate, digits: int) -> Tile:
    if estimate.value is None:
        return Tile(label, "–", estimate_text(estimate))
    return Tile(
        label, number(estimate.value, digits), f"95 % interval {interval(estimate, digits)}"
    )


def _callouts(card: ModelCard) -> tuple[Callout, ...]:
    found = [Callout(results.tone(s), s.text) for s in card.results.statements]
    failed = [c.criterion.name for c in card.criteria if not c.passed]
    if failed:
        found.insert(0, Callout("bad", f"Acceptance criteria not met: {', '.join(failed)}."))
    return tuple(found)
