"""Answers of a datasheet: measured from the rows, or taken from spec and source register.

A question that neither can answer stays empty and is shown as "not answered". No answer holds a
count of 1 to 10 people (PRI-08).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.card import Answer, Basis
from clinical_assets.evidence.datasheet_questions import QUESTIONS
from clinical_assets.evidence.datasheet_statistics import SplitCounts
from clinical_assets.evidence.provenance import SourceFacts
from clinical_assets.evidence.suppression import suppress_partition
from clinical_assets.evidence.wording import SUPPRESSED, sentences
from clinical_assets.modelling.spec import ClinicalModel


@dataclass(frozen=True, slots=True)
class _Facts:
    spec: ClinicalModel
    source: SourceFacts
    dataset: pl.DataFrame
    splits: Sequence[SplitCounts]


def _rows(f: _Facts) -> str:
    parts = ", ".join(f"{s.n:,} {s.role}" for s in f.splits)
    files = ", ".join(f"{file.name} ({file.rows:,} rows)" for file in f.source.files)
    return f"{f.dataset.height:,} rows: {parts}. Read from {files}."


def _one_row(f: _Facts) -> str:
    people = f.dataset[f.spec.id_column].n_unique()
    if people == f.dataset.height:
        return f"One {f.spec.id_column}; none occurs twice."
    return f"One record; some values of {f.spec.id_column} occur more than once."


def _contents(f: _Facts) -> str:
    return f"{len(f.spec.columns)} columns, listed under “Columns” with units, ranges and meaning."


def _label(f: _Facts) -> str:
    label = f.spec.label
    text = f"{label.column}: {label.positive} or {label.negative}."
    return f"{text} Reference standard: {label.reference_standard}"


def _missing(f: _Facts) -> str:
    columns = [c for c in f.dataset.columns if f.dataset[c].null_count()]
    if not columns:
        return "No value is missing."
    return (
        f"Values are missing in {', '.join(columns)}; the counts stand under “Statistics by split”."
    )


def _related(f: _Facts) -> str:
    repeated = f.dataset.height - f.dataset[f.spec.id_column].n_unique()
    if not repeated:
        return "No two rows share an identifier; other relations are not recorded."
    return f"{_people(repeated, f.dataset.height)} rows repeat an identifier."


def _splits(f: _Facts) -> str:
    if f.spec.partition_column:
        how = "The test rows are those of the published split"
    else:
        how = f"The test rows were drawn by seed, a share of {f.spec.test_fraction:g}"
    return f"{how}; calibration rows were drawn from the training rows by seed {f.spec.seed}."


def _duplicates(f: _Facts) -> str:
    apart = {f.spec.id_column, f.spec.label.column, f.spec.partition_column}
    values = [c for c in f.dataset.columns if c not in apart]
    copies = f.dataset.height - f.dataset.select(values).n_unique()
    if not copies:
        return "No two rows are equal in all measurements."
    shown = _people(copies, f.dataset.height)
    return f"{shown} rows equal another row in all measurements."


def _people(number: int, total: int) -> str:
    shown = suppress_partition((number, total - number))[0]
    return SUPPRESSED if shown is None else f"{shown:,}"


def _contained(f: _Facts) -> str:
    return f"Self-contained: {len(f.source.files)} registered files, each pinned by its SHA-256."


def _groups(f: _Facts) -> str:
    names = ", ".join(f"{s.name} ({s.column})" for s in f.spec.subgroups)
    return (
        f"By {names}; sizes stand under “Statistics by split”, small ones suppressed."
        if names
        else ""
    )


def _kept(f: _Facts) -> str:
    return "Yes: the files as registered, by SHA-256, in the snapshot store and in the package."


def _software(f: _Facts) -> str:
    read = f"{f.spec.read.__module__}:{f.spec.read.__qualname__}"
    derive = f"{f.spec.derive.__module__}:{f.spec.derive.__qualname__}"
    return f"Yes: {read} reads the files, {derive} derives the features; both are in the package."


def _cleaning(f: _Facts) -> str:
    return (
        "The files are parsed, units named and ranges checked. Missing values stay missing in "
        "the data set; medians of the training rows replace them in the features."
    )


_MAKERS: dict[str, tuple[Basis, Callable[[_Facts], str]]] = {
    "motivation-2": ("declared", lambda f: f.source.collected_by),
    "composition-1": ("recorded", _one_row),
    "composition-2": ("recorded", _rows),
    "composition-4": ("recorded", _contents),
    "composition-5": ("declared", _label),
    "composition-6": ("recorded", _missing),
    "composition-7": ("recorded", _related),
    "composition-8": ("recorded", _splits),
    "composition-9": ("recorded", _duplicates),
    "composition-10": ("recorded", _contained),
    "composition-13": ("declared", _groups),
    "collection-1": ("declared", lambda f: f.source.collection),
    "collection-4": ("declared", lambda f: f.source.collected_by),
    "collection-9": ("declared", lambda f: f.source.consent),
    "preprocessing-1": ("recorded", _cleaning),
    "preprocessing-2": ("recorded", _kept),
    "preprocessing-3": ("recorded", _software),
    "uses-1": ("declared", lambda f: f.source.citation),
    "uses-3": ("declared", lambda f: f.spec.intended_use.statement),
    "uses-5": ("declared", lambda f: sentences(f.spec.intended_use.out_of_scope)),
    "distribution-4": ("declared", lambda f: f.source.license),
    "maintenance-1": ("declared", lambda f: f.spec.owner),
    "maintenance-2": ("declared", lambda f: f.spec.contact),
}


def datasheet_answers(
    spec: ClinicalModel,
    source: SourceFacts,
    dataset: pl.DataFrame,
    splits: Sequence[SplitCounts],
    given: Mapping[str, str],
) -> tuple[Answer, ...]:
    """Every question in its order with its answer; the given ones by question id.

    Raises:
        ClinicalError: ``given`` names an unknown question or one that is answered from the rows.
    """
    known = {q.id for q in QUESTIONS}
    recorded = {i for i, (basis, _) in _MAKERS.items() if basis == "recorded"}
    wrong = sorted((set(given) - known) | (set(given) & recorded))
    if wrong:
        raise ClinicalError(
            f"The datasheet takes no typed answer to {', '.join(wrong)}",
            where=f"answers for the data of model {spec.name}",
            repair="Remove it: the question is unknown, or answered from the rows",
        )
    facts = _Facts(spec, source, dataset, splits)
    answers = []
    for question in QUESTIONS:
        basis, make = _MAKERS.get(question.id, ("declared", _nothing))
        text = given.get(question.id, "").strip() or make(facts).strip()
        answers.append(
            Answer(
                question.id,
                question.section,
                question.text,
                text,
                basis if text else "not answered",
            )
        )
    return tuple(answers)


def _nothing(_: _Facts) -> str:
    return ""
