"""Performance without labels, from calibrated probabilities.

If each probability is right, the labels are independent draws with these probabilities, and every
measure of performance has a known distribution (confidence-based estimation: Guillory et al. 2021,
ICCV; Garg et al. 2022, ICLR; "CBPE" in NannyML's documentation). The true and false positives are
Poisson-binomial, so accuracy, sensitivity, specificity, PPV, NPV and F1 have their exact mean and
band; NannyML divides expected counts, which is the same for the linear ones and differs by order
1/n for sensitivity, specificity and F1. The mean of the Brier score is exact; AUROC is a ratio of
two exact means, without the pairs of a row with itself; the bands of both are percentiles over
seeded draws of the labels. Average precision is left out: a ratio of means is biased where events
are few, which is where it is asked for.

A band says how far the measure of these rows may lie from the estimate if the probabilities are
right and no row depends on another. Rows of one patient do, and the bands are then much too narrow:
say whose each row is (``patients``), and take one of each, for the reference as for the window.
Whether the probabilities are right it does not know: see :mod:`.trust`, which is asked every
time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.drift.performance.formulas import FORMULAS
from clinical_assets.drift.performance.poisson_binomial import poisson_binomial
from clinical_assets.drift.performance.rows import Rows, Value, Vector, fixed, rows
from clinical_assets.drift.performance.trust import ALWAYS, Reference, doubts
from clinical_assets.errors import ClinicalError

DRAWS = 1000
BLOCK = 2_000_000  # labels drawn at a time
NEGLIGIBLE = 1e-13  # mass of a count that no result can show
UNDEFINED = 0.01  # chance of no event, or no non-event, from which there is no estimate


@dataclass(frozen=True, slots=True)
class Estimated:
    """Performance of one window as it should be, its labels unknown.

    Attributes:
        window: its name.
        n: rows.
        expected_events: sum of the probabilities.
        threshold, confidence: as given.
        values: by measure, with bands.
        doubts: why it cannot be trusted, in words; empty where nothing speaks against it.
    """

    window: str
    n: int
    expected_events: float
    threshold: float
    confidence: float
    values: Mapping[str, Value]
    doubts: tuple[str, ...]

    @property
    def trusted(self) -> bool:
        """Whether nothing that can be seen without labels speaks against it."""
        return not self.doubts

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "window": self.window,
            "n": self.n,
            "expected_events": self.expected_events,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "values": {name: value.to_dict() for name, value in self.values.items()},
            "trusted": self.trusted,
            "doubts": list(self.doubts),
            "caveat": ALWAYS,
        }

    def explain(self) -> str:
        """What is expected, what speaks against it, and what it never can tell."""
        name = f"{self.window}: " if self.window else ""
        lines = [f"{name}estimated from {self.n} predictions without their labels."]
        lines += [f"{key}: {value}" for key, value in self.values.items()]
        lines += [f"Not to be trusted: {doubt}." for doubt in self.doubts]
        return "\n".join([*lines, ALWAYS])


def estimated(
    probability: ArrayLike,
    *,
    reference: Reference,
    threshold: float,
    seed: int,
    score: ArrayLike | None = None,
    covariates: Mapping[str, ArrayLike] | None = None,
    patients: ArrayLike | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    window: str = "",
) -> Estimated:
    """Performance of one window.

    Args:
        probability: calibrated probability of the event, shape (n,).
        reference: what is known of labelled rows of the same model.
        threshold: a row is called where its score is at or above it; from 0 to 1, or any finite
            number where ``score`` is given.
        seed: of the draws that the bands of AUROC and Brier score rest on.
        score: what is ranked and held against the threshold; the probabilities where not given.
        covariates: columns held against the reference's ranges.
        patients: whose each row is, shape (n,); several rows of one raise a doubt.

    Raises:
        ClinicalError: there are no rows, or a value is missing or senseless.
    """
    if not 0 < confidence < 1 or draws < 100:
        raise ClinicalError(
            f"A band of confidence {confidence} from {draws} draws makes no sense",
            repair="Give a confidence between 0 and 1 and at least 100 draws",
        )
    found = rows(probability, threshold, score)
    values = _counted(found, confidence) | _drawn(found, confidence, draws, seed)
    return Estimated(
        window=window,
        n=len(found.probability),
        expected_events=float(found.probability.sum()),
        threshold=threshold,
        confidence=confidence,
        values=fixed({name: values[name] for name in FORMULAS}),
        doubts=doubts(reference, found, covariates or {}, patients),
    )


def by_window(windows: Sequence[str], probability: ArrayLike, **options: Any) -> list[Estimated]:
    """:func:`estimated` for each window by itself, in the order in which they first appear.

    Args:
        windows: the name of each row's window, shape (n,).
        probability: as there.
        options: as there; ``score``, ``patients`` and ``covariates`` are split alike.

    Raises:
        ClinicalError: there are no rows, or a value is missing or senseless.
    """
    names, p = np.asarray(windows), np.asarray(probability)
    if names.shape != p.shape:
        raise ClinicalError(
            "The windows are not as many as the rows", repair="Name each row's window"
        )
    covariates = options.pop("covariates", None) or {}
    given = {key: options.pop(key, None) for key in ("score", "patients")}
    split = {key: np.asarray(column) for key, column in given.items() if column is not None}
    found = []
    for name in dict.fromkeys(names.tolist()):
        here = names == name
        part = {key: np.asarray(column)[here] for key, column in covariates.items()}
        rest = {key: column[here] for key, column in split.items()}
        options_here = options | rest | {"covariates": part, "window": str(name)}
        found.append(estimated(p[here], **options_here))
    return found


def _counted(found: Rows, confidence: float) -> dict[str, Value]:
    """The measures that follow from the counts of events among the called and the others."""
    p, called = found.probability, found.called
    n1, n0 = int(called.sum()), int((~called).sum())
    a, pa = _support(p[called])
    b, pb = _support(p[~called])
    a, weights = a[:, None], pa[:, None] * pb

    def over(measure: Callable[[], Any], undefined: str) -> Value:
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.broadcast_to(measure(), weights.shape)
        return _summary(values, weights, confidence, undefined)

    return {
        "accuracy": over(lambda: (a + n0 - b) / (n1 + n0), ""),
        "sensitivity": over(lambda: a / (a + b), "no event"),
        "specificity": over(lambda: (n0 - b) / (n0 - b + n1 - a), "no row without an event"),
        "ppv": over(lambda: a / np.float64(n1) + 0 * b, "no row that is called"),
        "npv": over(lambda: (n0 - b) / np.float64(n0) + 0 * a, "no row that is not called"),
        "f1": over(lambda: 2 * a / (n1 + a + b), "no event and no row that is called"),
    }


def _support(p: Vector) -> tuple[Vector, Vector]:
    """Counts that can happen, with their probabilities."""
    mass = poisson_binomial(p)
    seen = np.flatnonzero(mass > NEGLIGIBLE)
    return seen.astype(np.float64), mass[seen]


def _summary(values: Any, weights: Any, confidence: float, undefined: str) -> Value:
    """Mean and equal-tailed band of a weighted distribution, undefined values left out."""
    defined = np.isfinite(values)
    mass = float(weights[defined].sum())
    if mass < 1 - UNDEFINED:
        return Value(None, reason=f"{undefined}: probable to {1 - mass:.0%}")
    values, weights = values[defined], weights[defined] / mass
    order = np.argsort(values)
    upto = np.cumsum(weights[order])
    tail = (1 - confidence) / 2
    low, high = np.searchsorted(upto, [tail, 1 - tail])
    last = len(order) - 1
    lower, upper = (float(values[order[min(place, last)]]) for place in (low, high))
    return Value(float((values * weights).sum()), lower, upper)


def _drawn(found: Rows, confidence: float, draws: int, seed: int) -> dict[str, Value]:
    """The measures that need the rows themselves; bands from drawn labels."""
    drawn: dict[str, list[Vector]] = {"auroc": [], "brier": []}
    for y in label_draws(found.probability, draws, seed):
        for name, values in drawn.items():
            values.append(FORMULAS[name](found, y))
    p = found.probability
    centre = {"auroc": expected_auroc(found), "brier": float((p * (1 - p)).mean())}
    return {
        name: _banded(centre[name], np.concatenate(values), confidence)
        for name, values in drawn.items()
    }


def _banded(centre: float | None, values: Vector, confidence: float) -> Value:
    defined = values[np.isfinite(values)]
    if centre is None or len(defined) < (1 - UNDEFINED) * len(values):
        return Value(None, reason="only events, or none: too probable")
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(defined, [tail, 1 - tail])
    return Value(centre, float(min(lower, centre)), float(max(upper, centre)))


def label_draws(p: Vector, draws: int, seed: int) -> Iterator[Any]:
    """Blocks of label vectors drawn with these probabilities, each of shape (k, n)."""
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK // len(p))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        yield (generator.random((size, len(p))) < p).astype(np.float64)


def expected_auroc(found: Rows) -> float | None:
    """E[pairs that are ranked rightly] / E[pairs of an event and a non-event].

    Both are exact: the labels of two rows are independent, and a row makes no pair with itself.
    """
    p, n = found.probability, len(found.probability)
    _, place, count = np.unique(found.score, return_inverse=True, return_counts=True)
    negative = np.bincount(place, 1 - p, len(count))
    below = (np.cumsum(negative) - negative / 2)[place]
    own = float((p * (1 - p)).sum())
    right = float((p * below).sum()) - own / 2
    pairs = float(p.sum()) * (n - float(p.sum())) - own
    return right / pairs if pairs > 1e-12 else None
