"""What training and evaluation found, as frozen records.

Each record turns into canonical JSON (:mod:`clinical_assets.canonical`) and back. A number that
could not be computed is None with a reason, never NaN; a gate reads None as failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["train", "calibration", "test"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One registered file as it was read."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The source as it entered the graph: its files lie in the snapshot store by SHA-256."""

    source: str
    title: str
    files: tuple[SourceFile, ...]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 by file name."""
        return {file.name: file.sha256 for file in self.files}


@dataclass(frozen=True, slots=True)
class FeatureRecipe:
    """Imputation fitted on training rows only.

    Attributes:
        features: names of the derived columns, in order.
        medians: the value put in place of a missing one, by column declared nullable.
        rows: number of training rows it was fitted on.
    """

    features: tuple[str, ...]
    medians: Mapping[str, float]
    rows: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the search space with its cross-validated loss (training rows only)."""

    estimator: str
    kind: str
    complexity: int
    parameters: Mapping[str, float]
    loss: float
    standard_error: float
    auroc: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A trained candidate, without its bytes (they lie in the snapshot store by digest).

    Attributes:
        onnx_sha256: SHA-256 of the ONNX bytes, the model's identity.
        skops_sha256: SHA-256 of the skops file, made byte-stable; for inspection.
        training_digest: frame digest of the rows that it was fitted on.
        parity: largest absolute difference of ONNX and scikit-learn probabilities on the
            training and calibration rows.
    """

    model: str
    version: str
    spec_digest: str
    estimator: str
    kind: str
    parameters: Mapping[str, float]
    recipe: FeatureRecipe
    inputs: tuple[str, ...]
    trials: tuple[Trial, ...]
    training_rows: int
    training_events: int
    training_digest: str
    onnx_sha256: str
    skops_sha256: str
    parity: float
    seed: int
    coefficients: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Protocol:
    """The acceptance criteria frozen before the test rows are read (GML-08, design trap 8).

    ``digest`` covers everything that decides about acceptance: criteria, operating point,
    subgroups, references, seed, bootstrap and conformal settings of the spec. The two SHA-256 bind
    the rows: whole dataset and split manifest, by
    :func:`~clinical_assets.canonical.frame_digest`.
    """

    model: str
    version: str
    digest: str
    frozen: Mapping[str, object]
    candidate_sha256: str
    dataset_sha256: str
    split_sha256: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its percentile bootstrap 95 % interval.

    ``value``, ``lower`` and ``upper`` are None where the metric is undefined, too few rows are
    at hand, or the cell is suppressed; ``reason`` then says why. ``n`` and ``events`` are None
    only where suppressed.
    """

    value: float | None
    lower: float | None
    upper: float | None
    n: int | None
    events: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CurveBin:
    """One bin of the calibration curve, by quantile of the predicted probability.

    Counts and observed share are None where the bin was suppressed.
    """

    predicted: float
    observed: float | None
    n: int | None
    events: int | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a curve: x and y name themselves in the evaluation's field."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class SubgroupResult:
    """One band of one subgroup; suppressed where a cell holds 1–10 people (PRI-08)."""

    subgroup: str
    band: str
    n: int | None
    events: int | None
    suppressed: bool
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class FairnessGap:
    """Largest difference and smallest ratio of a rate between the bands of one subgroup.

    ``measure`` is selection_rate, true_positive_rate or false_positive_rate at the operating
    threshold, or generalized_true_positive_rate or generalized_false_positive_rate (mean
    probability of the events, of the non-events).
    ``bands`` are those that entered (enough people, not suppressed).
    """

    subgroup: str
    measure: str
    difference: float | None
    ratio: float | None
    bands: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ConformalResult:
    """Split-conformal prediction sets (MAPIE), calibrated on the calibration rows.

    Attributes:
        coverage: share of test rows whose set holds the truth.
        empty, single, both: test rows by size of their set; None where no set was formed or the
            counts are withheld.
        least_probability: a class is in the set where its probability is at least this: what a
            service needs to form the sets; None where they cannot be formed.
    """

    confidence: float
    calibration_rows: int
    coverage: Estimate
    empty: int | None
    single: int | None
    both: int | None
    least_probability: float | None


@dataclass(frozen=True, slots=True)
class ReferenceResult:
    """A reference model of the spec, trained and tested here beside what was published.

    ``difference`` is candidate minus reference in the champion metric, paired bootstrap;
    ``errors`` is None where it is withheld.
    """

    name: str
    kind: str
    rows: int
    errors: int | None
    test_rows: int
    published_errors: int | None
    citation: str
    baseline: bool
    metrics: Mapping[str, Estimate]
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate against the champion on the same test rows.

    ``difference`` is candidate minus champion, paired bootstrap; None in all fields where there
    is no champion yet (``champion`` is then empty).
    """

    champion: str
    champion_sha256: str
    metric: str
    difference: Estimate
    margin: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything measured on the pre-defined test set.

    ``metrics`` holds auroc, auprc, brier, log_loss, calibration_slope, calibration_intercept,
    expected_calibration_error, sensitivity, specificity, ppv, npv, accuracy, errors,
    net_benefit, selection_rate (the confusion-based ones at the operating threshold, but
    ``errors`` and ``accuracy`` at 0.5).
    """

    model: str
    version: str
    candidate_sha256: str
    protocol_digest: str
    predictions_digest: str
    threshold: float
    metrics: Mapping[str, Estimate]
    calibration_curve: tuple[CurveBin, ...]
    roc: tuple[CurvePoint, ...]
    precision_recall: tuple[CurvePoint, ...]
    decision_curve: tuple[CurvePoint, ...]
    decision_curve_treat_all: tuple[CurvePoint, ...]
    subgroups: tuple[SubgroupResult, ...]
    fairness: tuple[FairnessGap, ...]
    conformal: ConformalResult
    references: tuple[ReferenceResult, ...]
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate found: passed or not, why, and the numbers (None where not applicable)."""

    gate: str
    passed: bool
    summary: str
    measurements: Mapping[str, float | str | None]
