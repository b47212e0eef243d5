"""The one declaration from which a model's assets, gates and documents are built.

A use case writes one :class:`ClinicalModel`. What stands here is fixed before any test row is
read: intended use, columns and their plausible ranges, the search space, the selection rule, the
operating point, the acceptance criteria, the subgroups (GML-01, GML-06, GML-08, AID-02). Nothing
here computes; training and evaluation do.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import polars as pl

from clinical_assets.canonical import digest_of, to_plain
from clinical_assets.modelling.approvals import Approval, approval_problems

Frame = pl.DataFrame
DType = Literal["integer", "number", "string", "boolean"]
Bound = Literal["estimate", "lower", "upper"]
EstimatorKind = Literal["logistic_regression", "linear_discriminant", "gradient_boosting"]

CONFORMAL_COVERAGE = "conformal_coverage"
"""The one criterion whose metric is of the prediction sets."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a clinical table, with the range outside of which a value is an error.

    Attributes:
        name: snake case, the unit at the end (``glucose_mg_per_dl``).
        dtype: type of the values.
        unit: UCUM code (``mg/dL``, ``mm[Hg]``, ``a`` for years, ``1`` for a count or score).
        description: what was measured, in words for a clinician.
        minimum, maximum: inclusive plausible range; None where there is no bound.
        nullable: whether a missing value is legitimate; it then gets a missing indicator.
        levels: the permitted values of a string column; empty where free.
        derived_from: columns of the table before it that it is made from, for the lineage; empty
            means the column of the same name, if there is one.
    """

    name: str
    dtype: DType
    unit: str
    description: str
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = False
    levels: tuple[str, ...] = ()
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """The outcome: a boolean column and how it was determined (GML-05)."""

    column: str
    positive: str
    negative: str
    reference_standard: str


@dataclass(frozen=True, slots=True)
class IntendedUse:
    """What the model is for, for whom, and what it must not be used for (GML-01, GML-09)."""

    statement: str
    population: str
    users: str
    setting: str
    decision: str
    output: str
    out_of_scope: tuple[str, ...]
    risks: tuple[str, ...]
    limitations: tuple[str, ...]
    ethical_considerations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimator:
    """One family of models with its fixed search space.

    Attributes:
        name: unique within the spec; also the name in MLflow.
        kind: which training function builds it (:mod:`clinical_assets.modelling.estimators`).
        complexity: rank for the one-standard-error rule; the smallest is the simplest.
        grid: every value that may be tried, by parameter name.
    """

    name: str
    kind: EstimatorKind
    complexity: int
    grid: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class SelectionRule:
    """How one candidate is chosen, by cross-validation on training rows only.

    ``one_standard_error`` takes, of the settings whose mean loss lies within one standard error of
    the best, the best one of the simplest family (Breiman et al. 1984, section 3.4.3); ``best``
    takes the best.
    """

    metric: Literal["log_loss", "brier"] = "log_loss"
    rule: Literal["one_standard_error", "best"] = "one_standard_error"
    folds: int = 5
    repeats: int = 4


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The probability at or above which the model says "positive", and why."""

    threshold: float
    rationale: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One acceptance criterion on a test-set metric.

    Attributes:
        name: unique within the spec.
        metric: key in :attr:`clinical_assets.modelling.records.Evaluation.metrics`.
        bound: which number must hold: the estimate, or the lower or upper end of its interval.
        minimum, maximum: inclusive limits; at least one is given.
        rationale: why this limit, for the reviewer.
        group: the gate that decides it.
    """

    name: str
    metric: str
    rationale: str
    bound: Bound = "estimate"
    minimum: float | None = None
    maximum: float | None = None
    group: Literal["performance", "calibration", "uncertainty"] = "performance"


@dataclass(frozen=True, slots=True)
class AcceptanceCriteria:
    """What a candidate must show on the test set; frozen by hash before the set is opened.

    Attributes:
        criteria: each must hold.
        minimum_events: least number of positives, and of negatives, for any metric to count.
        champion_metric: metric of the paired comparison with the champion.
        champion_margin: largest tolerated loss of that metric at the pessimistic end of the
            interval of the paired difference (non-inferiority).
        subgroup_metric, subgroup_floor: least value of the metric's estimate in each subgroup.
        subgroup_minimum_events: least positives and negatives for a subgroup to be judged.
        parity_tolerance: largest absolute difference of ONNX and scikit-learn probabilities.
    """

    criteria: tuple[Criterion, ...]
    minimum_events: int = 30
    champion_metric: str = "auroc"
    champion_margin: float = 0.03
    subgroup_metric: str = "auroc"
    subgroup_floor: float = 0.6
    subgroup_minimum_events: int = 11
    parity_tolerance: float = 1e-5


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Bands of one numeric column: ``labels`` has one more entry than ``cuts``.

    Band *i* holds values from ``cuts[i-1]`` (inclusive) up to ``cuts[i]`` (exclusive); rows with
    a missing value form a band of their own, named "missing".
    """

    name: str
    column: str
    cuts: tuple[float, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A plain model that the candidate is compared with, and what was published of it.

    Attributes:
        name: shown in tables.
        kind: trained without search, with :attr:`parameters`.
        columns: dataset columns that it sees, untransformed; missing ones by training medians.
        rows: ``complete`` takes the published training rows without a missing value, ``all``
            takes every published training row (training and calibration).
        published_errors: published count of misclassified test rows at 0.5; None if unknown.
        citation: where it was published.
        baseline: the released model's report says whether it is better than this one.
    """

    name: str
    kind: EstimatorKind
    columns: tuple[str, ...]
    rows: Literal["complete", "all"]
    parameters: Mapping[str, float] = field(default_factory=dict)
    published_errors: int | None = None
    citation: str = ""
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Monitor:
    """One line of the performance-monitoring plan (AID-04)."""

    metric: str
    window: str
    threshold: str
    owner: str
    action: str


@dataclass(frozen=True)
class ClinicalModel:
    """Everything that is particular to one model.

    Attributes:
        name: identifier; prefix of every asset key.
        version: semantic version of this declaration.
        title, owner, developer, contact, license, citation: for the card.
        source: id in ``data/sources.toml``.
        read: parses the source's verified files (name → bytes) into the dataset's columns; rows
            keep the order of the registered files and of the lines in each.
        derive: row-wise feature columns from dataset rows; it sees one row at a time in effect,
            so it cannot leak between rows (checked by a gate).
        columns: the dataset's contract, with :attr:`id_column`, the label and
            :attr:`partition_column` among them.
        features: the derived columns' contract; ``derive`` returns exactly these.
        partition_column: holds ``train`` or ``test`` as published; None asks for a seeded
            stratified split of ``test_fraction``.
        authors: ids, in the identity register, of everybody who makes this model; they approve
            nothing of it. Who is signed in when a version is built counts as its author, too.
        approvals: the signatures that a release demands (:mod:`.approvals`).
        distinct_signers: whether one person may sign under one role only.
    """

    name: str
    version: str
    title: str
    owner: str
    developer: str
    contact: str
    license: str
    citation: str
    source: str
    read: Callable[[Mapping[str, bytes]], Frame]
    derive: Callable[[Frame], Frame]
    id_column: str
    columns: tuple[Column, ...]
    features: tuple[Column, ...]
    label: Label
    intended_use: IntendedUse
    estimators: tuple[Estimator, ...]
    operating_point: OperatingPoint
    acceptance: AcceptanceCriteria
    subgroups: tuple[Subgroup, ...]
    references: tuple[Reference, ...] = ()
    selection: SelectionRule = SelectionRule()
    partition_column: str | None = None
    test_fraction: float = 0.4
    calibration_fraction: float = 0.2
    conformal_confidence: float = 0.9
    seed: int = 20261124
    bootstrap_replicates: int = 2000
    authors: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    distinct_signers: bool = True
    monitoring: tuple[Monitor, ...] = ()
    entry_point: str = ""

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise ValueError(f"spec of model {self.name!r}: " + "; ".join(problems))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns that the estimator sees, in order: features, then indicators."""
        nullable = [missing_indicator(c.name) for c in self.features if c.nullable]
        return tuple(c.name for c in self.features) + tuple(nullable)

    def to_plain(self) -> dict[str, Any]:
        """The declaration as plain JSON values; the two functions by their import names."""
        plain: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if callable(value):
                plain[item.name] = f"{value.__module__}:{value.__qualname__}"
            elif isinstance(value, tuple):
                plain[item.name] = [to_plain(v) for v in value]
            else:
                plain[item.name] = to_plain(value)
        return plain

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the declaration."""
        return digest_of(self.to_plain())


def missing_indicator(column: str) -> str:
    """Name of the 0/1 column that says whether ``column`` was missing."""
    return f"{column}_missing"


def _problems(spec: ClinicalModel) -> Iterator[str]:
    if not _NAME.fullmatch(spec.name):
        yield "a name has lower-case letters, digits and _, and begins with a letter"
    for name in ("version", "title", "owner", "developer", "contact", "license", "citation"):
        if not getattr(spec, name).strip():
            yield f"{name} is empty, and the card must state it"
    yield from _column_problems(spec)
    yield from _training_problems(spec)
    yield from _acceptance_problems(spec)
    yield from _subgroup_problems(spec)
    yield from approval_problems(spec.approvals)


def _column_problems(spec: ClinicalModel) -> Iterator[str]:
    by_name = {column.name: column for column in spec.columns}
    if len(by_name) != len(spec.columns):
        yield "a column is declared twice"
    for needed in (spec.id_column, spec.label.column, spec.partition_column):
        if needed is not None and needed not in by_name:
            yield f"column {needed!r} is named but not declared"
    label = by_name.get(spec.label.column)
    if label is not None and (label.dtype != "boolean" or label.nullable):
        yield f"the label {label.name!r} must be declared boolean and not nullable"
    for column in (*spec.columns, *spec.features):
        bounds = [b for b in (column.minimum, column.maximum) if b is not None]
        if not all(map(math.isfinite, bounds)) or bounds != sorted(bounds):
            yield f"the range of column {column.name!r} is not two rising numbers"
    for feature in spec.features:
        if feature.name in _not_inputs(spec):
            yield f"{feature.name!r} cannot be a feature: it is the label, id or partition"


def _training_problems(spec: ClinicalModel) -> Iterator[str]:
    from clinical_assets.modelling.estimators import PARAMETERS

    for what, kind, given in (
        *((f"estimator {e.name!r}", e.kind, e.grid) for e in spec.estimators),
        *((f"reference {r.name!r}", r.kind, r.parameters) for r in spec.references),
    ):
        if kind not in PARAMETERS:
            yield f"{what} is of unknown kind {kind!r}; there are {', '.join(PARAMETERS)}"
        elif unknown := sorted(set(given) - PARAMETERS[kind]):
            yield f"{what} takes no {', '.join(unknown)}"
    if not spec.features or not spec.estimators:
        yield "at least one feature and one estimator are needed"
    for estimator in spec.estimators:
        if not all(estimator.grid.values()):
            yield f"estimator {estimator.name!r} has an empty search space"
    names = {column.name for column in spec.columns}
    for reference in spec.references:
        if unknown := [c for c in reference.columns if c not in names or c in _not_inputs(spec)]:
            yield f"reference {reference.name!r} cannot use {', '.join(unknown)}"


def _acceptance_problems(spec: ClinicalModel) -> Iterator[str]:
    from clinical_assets.modelling.metrics import CONFUSION_METRICS, METRICS

    limits = spec.acceptance
    for criterion in limits.criteria:
        bounds = [b for b in (criterion.minimum, criterion.maximum) if b is not None]
        if not bounds:
            yield f"criterion {criterion.name!r} sets no limit"
        if not all(map(math.isfinite, bounds)):
            yield f"a limit of criterion {criterion.name!r} is not a number"
    asked = [criterion.metric for criterion in limits.criteria]
    asked = [metric for metric in asked if metric != CONFORMAL_COVERAGE]
    for metric in dict.fromkeys([*asked, limits.champion_metric, limits.subgroup_metric]):
        if metric not in METRICS:
            yield f"no metric is named {metric!r}; there are {', '.join(METRICS)}"
    if limits.subgroup_metric in CONFUSION_METRICS:
        yield (
            f"{limits.subgroup_metric!r} cannot have a floor in subgroups: of a band that is bad "
            "it is withheld (PRI-08); choose a metric that needs no threshold"
        )
    if not 0.0 < spec.operating_point.threshold < 1.0:
        yield "the operating threshold must lie between 0 and 1"


def _subgroup_problems(spec: ClinicalModel) -> Iterator[str]:
    if not spec.subgroups:
        yield "at least one subgroup is needed: without one the subgroup gate refuses"
    names = {column.name for column in spec.columns}
    for subgroup in spec.subgroups:
        if subgroup.column not in names:
            yield f"subgroup {subgroup.name!r}: no column {subgroup.column!r}"
        cuts = list(subgroup.cuts)
        if len(subgroup.labels) != len(cuts) + 1 or cuts != sorted(set(cuts)):
            yield f"subgroup {subgroup.name!r}: cuts must rise, with one more label"


def _not_inputs(spec: ClinicalModel) -> set[str | None]:
    return {spec.label.column, spec.id_column, spec.partition_column}
