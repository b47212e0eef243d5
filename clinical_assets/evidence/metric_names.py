"""Names and one-line definitions of the metrics that an evaluation holds, for documents.

The metrics themselves are computed in :mod:`clinical_assets.modelling`; thresholds stand in the
spec. A metric that is not listed here is shown under its key.
"""

from dataclasses import dataclass

from clinical_assets.modelling.metrics import LESS_IS_BETTER


@dataclass(frozen=True, slots=True)
class MetricName:
    """How a metric is called, what it means, and how many decimals it is shown with."""

    label: str
    definition: str
    digits: int = 3


METRIC_NAMES: dict[str, MetricName] = {
    "auroc": MetricName(
        "AUROC",
        "Chance that a random positive is ranked above a random negative; 0.5 is no skill.",
    ),
    "auprc": MetricName(
        "AUPRC", "Average precision over all thresholds; the prevalence is no skill."
    ),
    "brier": MetricName("Brier score", "Mean squared error of the probability."),
    "log_loss": MetricName("Log loss", "Mean negative log likelihood of the outcome."),
    "calibration_slope": MetricName(
        "Calibration slope",
        "Slope of the outcome on the predicted log odds; 1 is ideal, below 1 too extreme.",
    ),
    "calibration_intercept": MetricName(
        "Calibration intercept",
        "Mean miscalibration on the log-odds scale; 0 is ideal, above 0 risk is underestimated.",
    ),
    "expected_calibration_error": MetricName(
        "Expected calibration error",
        "Mean absolute gap between predicted and observed risk over bins.",
    ),
    "sensitivity": MetricName("Sensitivity", "Share of positives that are flagged."),
    "specificity": MetricName("Specificity", "Share of negatives that are not flagged."),
    "ppv": MetricName("Positive predictive value", "Share of the flagged who are positive."),
    "npv": MetricName("Negative predictive value", "Share of the not flagged who are negative."),
    "accuracy": MetricName("Accuracy at 0.5", "Share classified correctly at probability 0.5."),
    "errors": MetricName("Errors at 0.5", "Rows misclassified at probability 0.5.", 0),
    "net_benefit": MetricName(
        "Net benefit",
        "True positives less false positives weighted by the odds of the threshold, per person.",
    ),
    "conformal_coverage": MetricName(
        "Coverage of prediction sets", "Share of prediction sets that hold the true outcome."
    ),
    "selection_rate": MetricName("Selection rate", "Share of people who are flagged."),
}

RATE_LABELS: dict[str, str] = {
    "selection_rate": "Selection rate (demographic parity)",
    "true_positive_rate": "True positive rate (equal opportunity)",
    "false_positive_rate": "False positive rate",
    "generalized_true_positive_rate": "Mean risk given to positives",
    "generalized_false_positive_rate": "Mean risk given to negatives",
}


def metric_label(metric: str) -> str:
    """The name to show for a metric's key.

    >>> metric_label("auroc"), metric_label("own_metric")
    ('AUROC', 'own metric')
    """
    known = METRIC_NAMES.get(metric)
    return known.label if known else metric.replace("_", " ")


def metric_digits(metric: str) -> int:
    """Decimals to show for a metric: three, but none for a count."""
    known = METRIC_NAMES.get(metric)
    return known.digits if known else 3


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of the metric is the better one."""
    return metric in LESS_IS_BETTER
