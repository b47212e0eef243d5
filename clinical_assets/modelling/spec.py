"""The one declaration from which a model's assets, gates and documents are built.

A use case writes one :class:`ClinicalModel`. What stands here is fixed before any test row is
read: intended use, columns and their plausible ranges, the search space, the selection rule, the
operating point, the acceptance criteria, the subgroups (GML-01, GML-06, GML-08, AID-02). Nothing
here computes; training and evaluation do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import polars as pl

from clinical_assets.canonical import digest_of, to_plain

Frame = pl.DataFrame
DType = Literal["integer", "number", "string", "boolean"]
Bound = Literal["estimate", "lower", "upper"]
EstimatorKind = Literal["logistic_regression", "linear_discriminant", "gradient_boosting"]


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

    ``one_standard_error`` takes the simplest setting whose mean loss lies within one standard
    error of the best mean loss (Breiman et al. 1984, section 3.4.3); ``best`` takes the best.
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
class Approval:
    """A human signature that the release demands: who, and what it means (P11-13)."""

    role: str
    meaning: str


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
    approvals: tuple[Approval, ...] = ()
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


def _problems(spec: ClinicalModel) -> list[str]:
    found = []
    names = [c.name for c in spec.columns]
    if len(set(names)) != len(names):
        found.append("a column is declared twice")
    for needed in (spec.id_column, spec.label.column, spec.partition_column):
        if needed is not None and needed not in names:
            found.append(f"column {needed!r} is named but not declared")
    forbidden = {spec.label.column, spec.id_column, spec.partition_column}
    for feature in spec.features:
        if feature.name in forbidden:
            found.append(f"{feature.name!r} cannot be a feature: it is the label, id or partition")
    if not spec.features or not spec.estimators:
        found.append("at least one feature and one estimator are needed")
    for estimator in spec.estimators:
        if not all(estimator.grid.values()):
            found.append(f"estimator {estimator.name!r} has an empty search space")
    for subgroup in spec.subgroups:
        if subgroup.column not in names:
            found.append(f"subgroup {subgroup.name!r}: no column {subgroup.column!r}")
        if len(subgroup.labels) != len(subgroup.cuts) + 1 or list(subgroup.cuts) != sorted(
            set(subgroup.cuts)
        ):
            found.append(f"subgroup {subgroup.name!r}: cuts must rise, with one more label")
    for reference in spec.references:
        if unknown := [c for c in reference.columns if c not in names or c in forbidden]:
            found.append(f"reference {reference.name!r} cannot use {', '.join(unknown)}")
    for criterion in spec.acceptance.criteria:
        if criterion.minimum is None and criterion.maximum is None:
            found.append(f"criterion {criterion.name!r} sets no limit")
    if not 0.0 < spec.operating_point.threshold < 1.0:
        found.append("the operating threshold must lie between 0 and 1")
    return found
