"""The card's sections that say what the model is, for whom, and from what it was made.

Mitchell 2019 sections 1 to 6, 8 and 9. The sections with results are in
:mod:`clinical_assets.evidence.card_result_sections`.
"""

from clinical_assets.evidence.card import Input, ModelCard
from clinical_assets.evidence.document import (
    Bullets,
    Callout,
    Paragraph,
    Section,
    Text,
    facts,
    table,
)
from clinical_assets.evidence.metric_names import METRIC_NAMES, metric_label
from clinical_assets.evidence.wording import compact, count, number, opened, parameters_text, plural
from clinical_assets.modelling.records import Trial
from clinical_assets.modelling.spec import Subgroup


def details(card: ModelCard) -> Section:
    """Mitchell 1: who, what, when, and the parameters."""
    d = card.details
    blocks = [
        facts(
            ("Model", f"{d.name} {d.version}"),
            ("Version of the declaration", d.declared_version),
            ("Developer", d.developer),
            ("Owner", d.owner),
            ("Contact", d.contact),
            ("Licence", d.license),
            ("Citation", d.citation),
            ("Date of the source code", d.date),
            ("Type", f"{d.kind.replace('_', ' ')} (estimator “{d.estimator}”)"),
            ("Parameters", parameters_text(d.parameters) or "none"),
            ("Output", card.intended_use.output),
            ("Largest ONNX to scikit-learn difference", f"{card.parity:.1e} in probability"),
        )
    ]
    if d.coefficients:
        rows = [(name, Text(number(v), "number")) for name, v in d.coefficients.items()]
        return Section(
            "details",
            "Model details",
            (*blocks, table("Coefficients as fitted", ("Term", "Coefficient"), rows)),
        )
    return Section("details", "Model details", tuple(blocks))


def intended_use(card: ModelCard) -> Section:
    """Mitchell 2: the use that was meant, and the uses that were not."""
    use = card.intended_use
    return Section(
        "intended-use",
        "Intended use",
        (
            facts(
                ("Intended use", use.statement),
                ("Patients", use.population),
                ("Users", use.users),
                ("Setting", use.setting),
                ("Role in the decision", use.decision),
                ("Output", use.output),
            ),
            Bullets("Out of scope", use.out_of_scope),
        ),
    )


def risks(card: ModelCard) -> Section:
    """Mitchell 8 and 9: what may go wrong, what is not known, what is owed to people."""
    use = card.intended_use
    return Section(
        "risks",
        "Risks, limitations and ethical considerations",
        (
            Bullets("Risks", use.risks),
            Bullets("Limitations", use.limitations),
            Bullets("Ethical considerations", use.ethical_considerations),
        ),
    )


def inputs(card: ModelCard) -> Section:
    """The columns that the estimator sees, their ranges and what replaces a missing value."""
    label = card.label
    headers = ("Input", "Unit", "What it is", "Plausible range", "If missing")
    return Section(
        "inputs",
        "Inputs and outcome",
        (
            table("Inputs of the model, in their order", headers, map(_input_row, card.inputs)),
            facts(
                ("Outcome", Text(label.column, "code")),
                ("Positive", label.positive),
                ("Negative", label.negative),
                ("Reference standard", label.reference_standard),
            ),
        ),
    )


def factors(card: ModelCard) -> Section:
    """Mitchell 3 and 4: groups, measures, threshold, uncertainty."""
    point = card.measures.operating_point
    groups = [(s.name, Text(s.column, "code"), _bands(s)) for s in card.factors.subgroups]
    measures = [
        (metric_label(m), METRIC_NAMES[m].definition if m in METRIC_NAMES else "–")
        for m in card.measures.metrics
    ]
    return Section(
        "factors",
        "Factors and metrics",
        (
            table("Subgroups looked at", ("Subgroup", "Column", "Bands"), groups),
            Paragraph(card.factors.intersectional or "No subgroup was declared."),
            facts(
                ("Operating threshold", number(point.threshold, 2)),
                ("Why this threshold", point.rationale),
                ("Intervals", card.measures.interval),
            ),
            table("What was measured", ("Metric", "Meaning"), measures),
        ),
    )


def data(card: ModelCard) -> Section:
    """Mitchell 5 and 6: test and training data, and the recipe fitted on training rows."""
    training, test = card.training_data, card.evaluation_data
    source = training.source
    files = [(f.name, Text(f"{f.rows:,}", "number"), Text(f.sha256, "code")) for f in source.files]
    medians = [
        (Text(name, "code"), Text(compact(value), "number"))
        for name, value in training.recipe.medians.items()
    ]
    blocks = (
        facts(
            ("Source", f"{source.title} ({source.id})"),
            ("Collected by", source.collected_by),
            ("Collection", source.collection),
            ("Consent and ethics", source.consent),
            ("Licence", source.license),
            ("Citation", source.citation),
        ),
        table("Files as read", ("File", "Rows", "SHA-256"), files),
        facts(
            ("Training rows", f"{training.rows:,} people, {training.events:,} events"),
            ("Training rows, SHA-256", Text(training.digest, "code")),
            ("Test rows", f"{count(test.rows)} people, {count(test.events)} events"),
            ("Test set opened", opened(test.unsealings)),
            ("Test protocol, SHA-256", Text(test.protocol_digest, "code")),
            ("Test predictions, SHA-256", Text(test.predictions_digest, "code")),
            (
                "Preprocessing",
                f"Medians of {training.recipe.rows:,} training rows replace missing values; "
                "an indicator column marks each replacement.",
            ),
        ),
        table("Medians put in place of missing values", ("Column", "Median"), medians),
    )
    return Section("data", "Training and evaluation data", blocks)


def selection(card: ModelCard) -> Section:
    """The alternatives tried, by cross-validation on training rows only (GML-06)."""
    rule = card.selection.rule
    name = "simplest within one standard error of the best"
    how = name if rule.rule == "one_standard_error" else "best mean loss"
    # Every family keeps its best trial and the chosen one; the JSON form holds all trials.
    shown = _shown_trials(card.selection.trials)
    left_out = len(card.selection.trials) - len(shown)
    note = f" {left_out} weaker settings are in the JSON form." if left_out else ""
    headers = ("Estimator", "Setting", metric_label(rule.metric), "Standard error", "AUROC", "")
    rows = [
        (
            trial.estimator,
            parameters_text(trial.parameters),
            Text(number(trial.loss, 4), "number"),
            Text(number(trial.standard_error, 4), "number"),
            Text(number(trial.auroc), "number"),
            Text("chosen", "good") if trial.chosen else Text(""),
        )
        for trial in shown
    ]
    text = (
        f"{plural(len(card.selection.trials), 'setting')} of "
        f"{plural(len(card.selection.estimators), 'estimator')} compared by "
        f"{rule.repeats} × {rule.folds}-fold cross-validation on training rows only. "
        f"Rule, stated beforehand: {how} ({metric_label(rule.metric).lower()}).{note}"
    )
    return Section(
        "selection",
        "How the model was chosen",
        (Paragraph(text), table("Cross-validated loss", headers, rows)),
    )


def provenance(card: ModelCard) -> Section:
    """Code, environment and digests, to rebuild and to check."""
    p = card.provenance
    warning = (
        Callout(
            "caution",
            "Files differed from the commit when the model was made: the commit alone does not "
            "name the source.",
        ),
    )
    digests = [(d.name, Text(d.sha256, "code")) for d in card.digests]
    return Section(
        "provenance",
        "Provenance and digests",
        (
            *(warning if p.dirty else ()),
            facts(
                ("Commit", Text(p.commit, "code") if p.commit else ""),
                ("Commit time (UTC)", p.commit_time),
                ("Python", p.python),
                ("Platform", p.platform),
                ("Package version", p.package_version),
                ("Seed", str(p.seed)),
            ),
            table("SHA-256 digests", ("Of", "SHA-256"), digests),
        ),
    )


def _input_row(column: Input) -> tuple[Text | str, ...]:
    if column.minimum is None and column.maximum is None:
        bounds = "–"
    else:
        bounds = f"{compact(column.minimum)} to {compact(column.maximum)}"
    missing = "may not be missing"
    if column.imputed_with is not None:
        missing = f"median {compact(column.imputed_with)}"
    if column.indicator_of:
        missing = "indicator"
    return Text(column.name, "code"), column.unit, column.description, bounds, missing


def _bands(subgroup: Subgroup) -> str:
    cuts = subgroup.cuts
    low = ["below", *(f"from {compact(c)}" for c in cuts)]
    parts = []
    for index, label in enumerate(subgroup.labels):
        if index == 0:
            where = f"below {compact(cuts[0])}" if cuts else "everyone"
        else:
            where = low[index]
            if index < len(cuts):
                where += f" to below {compact(cuts[index])}"
        parts.append(f"{label} ({where})")
    return "; ".join(parts)


def _shown_trials(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    best: dict[str, Trial] = {}
    for trial in trials:
        if trial.estimator not in best or trial.loss < best[trial.estimator].loss:
            best[trial.estimator] = trial
    return tuple(t for t in trials if t.chosen or best[t.estimator] is t)
