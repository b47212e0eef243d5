"""The model card as one record, from which every form of it is rendered.

Data only: sections in the order of Mitchell et al. 2019 ("Model Cards for Model Reporting"),
then what an inspector asks beside them (GML-09, AID-05, HTI-1 source attributes). The card is
built in :mod:`clinical_assets.evidence.card_build`; Markdown, HTML, JSON and CycloneDX are
renderings and add no fact of their own.

An unknown fact is an empty string, an empty tuple or None. It is shown as "not answered", and
:mod:`clinical_assets.evidence.completeness` lists it where it is mandatory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clinical_assets.evidence.provenance import Provenance, SourceFacts
from clinical_assets.modelling.records import (
    Comparison,
    CurveBin,
    CurvePoint,
    Estimate,
    FairnessGap,
    FeatureRecipe,
    ReferenceResult,
    SubgroupResult,
    Trial,
    Verdict,
)
from clinical_assets.modelling.spec import (
    AcceptanceCriteria,
    Criterion,
    Estimator,
    IntendedUse,
    Label,
    Monitor,
    OperatingPoint,
    SelectionRule,
    Subgroup,
)

CARD_SCHEMA = "clinical-model-card/1"

Basis = Literal["recorded", "declared", "not answered"]
Outcome = Literal["better", "not better", "worse", "not compared"]


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """Mitchell 1: who made which model, when, and how it may be used.

    ``version`` is the candidate's, ``declared_version`` that of the spec. ``date`` is the commit
    time of the source (ISO 8601, UTC), because a card holds no clock.
    """

    name: str
    version: str
    declared_version: str
    title: str
    owner: str
    developer: str
    contact: str
    license: str
    citation: str
    date: str
    estimator: str
    kind: str
    parameters: Mapping[str, float]
    coefficients: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Input:
    """One column that the estimator sees.

    ``imputed_with`` is the training median put in place of a missing value; None where the
    column may not be missing. An indicator column names the column that it speaks of.
    """

    name: str
    unit: str
    description: str
    minimum: float | None
    maximum: float | None
    imputed_with: float | None
    indicator_of: str


@dataclass(frozen=True, slots=True)
class Factors:
    """Mitchell 3: the groups over which performance was looked at."""

    subgroups: tuple[Subgroup, ...]
    intersectional: str


@dataclass(frozen=True, slots=True)
class Measures:
    """Mitchell 4: what was measured, at which threshold, and how uncertainty was estimated."""

    operating_point: OperatingPoint
    interval: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """Mitchell 5: the pre-defined test set."""

    rows: int | None
    events: int | None
    predictions_digest: str
    protocol_digest: str
    unsealings: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Mitchell 6: the source, the rows the model was fitted on, and the fitted recipe."""

    source: SourceFacts
    rows: int
    events: int
    digest: str
    recipe: FeatureRecipe


@dataclass(frozen=True, slots=True)
class Selection:
    """The search that chose the candidate: space, rule, and every trial (training rows only)."""

    estimators: tuple[Estimator, ...]
    rule: SelectionRule
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A comparison in plain words, with the outcome for machines."""

    subject: str
    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class PredictionSets:
    """Split-conformal prediction sets, their sizes counted on the test rows.

    Sizes that are small cells, or would give one away, are None (PRI-08).
    """

    confidence: float
    calibration_rows: int
    coverage: Estimate
    empty: int | None
    single: int | None
    both: int | None
    least_probability: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """Mitchell 7: everything measured on the test set, as the evaluation recorded it."""

    metrics: Mapping[str, Estimate]
    calibration_curve: tuple[CurveBin, ...]
    roc: tuple[CurvePoint, ...]
    precision_recall: tuple[CurvePoint, ...]
    decision_curve: tuple[CurvePoint, ...]
    decision_curve_treat_all: tuple[CurvePoint, ...]
    subgroups: tuple[SubgroupResult, ...]
    fairness: tuple[FairnessGap, ...]
    conformal: PredictionSets
    references: tuple[ReferenceResult, ...]
    comparison: Comparison
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class CriterionOutcome:
    """One acceptance criterion with the number that decided it; None fails."""

    criterion: Criterion
    measured: float | None
    n: int | None
    events: int | None
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of a disclosure scheme with its answer and where the answer comes from.

    ``basis`` is "recorded" where the answer comes from what a run measured or read, "declared"
    where a person wrote it in the spec, the source register or the answers handed in. ``text``
    is empty exactly where ``basis`` is "not answered".
    """

    id: str
    section: str
    question: str
    text: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A signature that the release demands, and the one recorded for it (P11-13, P11-14).

    ``signer`` and ``signed_at`` (ISO 8601, UTC) are empty until one is recorded; ``stage`` is
    empty on cards that were made before stages were declared.
    """

    role: str
    meaning: str
    signer: str = ""
    signed_at: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Digest:
    """The SHA-256 of something that the card speaks of."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The whole card. See the module docstring."""

    schema: str
    details: ModelDetails
    intended_use: IntendedUse
    label: Label
    inputs: tuple[Input, ...]
    factors: Factors
    measures: Measures
    evaluation_data: EvaluationData
    training_data: TrainingData
    selection: Selection
    results: Results
    acceptance: AcceptanceCriteria
    criteria: tuple[CriterionOutcome, ...]
    parity: float
    gates: tuple[Verdict, ...]
    source_attributes: tuple[Answer, ...]
    labelling: tuple[Answer, ...]
    signatures: tuple[SignatureLine, ...]
    monitoring: tuple[Monitor, ...]
    provenance: Provenance
    digests: tuple[Digest, ...]
