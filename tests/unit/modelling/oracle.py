"""Naive, obviously right versions of the metrics, from scikit-learn and plain loops.

The fast code in ``clinical_assets.modelling`` is compared with these. Also the test rows of the
Pima figures with the probabilities of a plain logistic regression and a linear discriminant.
"""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PIMA = Path(__file__).parents[3] / "data" / "raw" / "pima"
NAN = float("nan")


def naive(metric: str, y: np.ndarray, p: np.ndarray, threshold: float) -> float:
    """The metric as scikit-learn or its definition gives it; NaN where undefined."""
    called = p >= threshold
    if metric == "brier":
        return float(sk.brier_score_loss(y, p, labels=[0, 1]))
    if metric == "log_loss":
        return float(sk.log_loss(y, y_proba=p, labels=[0, 1]))
    if metric == "expected_calibration_error":
        return _calibration_error(y, p)
    if metric == "accuracy":
        return float(sk.accuracy_score(y, p >= 0.5))
    if metric == "errors":
        return float(sk.zero_one_loss(y, p >= 0.5, normalize=False))
    if metric == "selection_rate":
        return float(called.mean())
    if metric == "net_benefit":
        odds = threshold / (1 - threshold)
        return float((called & y).mean() - odds * (called & ~y).mean())
    if metric in ("ppv", "npv"):
        rows = called if metric == "ppv" else ~called
        return float((y == called)[rows].mean()) if rows.any() else NAN
    if metric in ("sensitivity", "specificity"):
        rows = y if metric == "sensitivity" else ~y
        return float((y == called)[rows].mean()) if rows.any() else NAN
    if y.all() or not y.any():
        return NAN
    if metric == "auroc":
        return float(sk.roc_auc_score(y, p))
    if metric == "auprc":
        return float(sk.average_precision_score(y, p))
    return _recalibration(metric, y, p)


def _calibration_error(y: np.ndarray, p: np.ndarray) -> float:
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    edges = np.percentile(p, np.linspace(0, 100, 11))
    sizes = np.bincount(np.searchsorted(edges[1:-1], p), minlength=10)
    return float((np.abs(observed - predicted) * sizes[sizes > 0]).sum() / len(y))


def _recalibration(metric: str, y: np.ndarray, p: np.ndarray) -> float:
    predictor = np.log(p / (1 - p))
    if metric == "calibration_slope":
        if min(p[y]) >= max(p[~y]) or max(p[y]) <= min(p[~y]):
            return NAN
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000)
        return float(model.fit(predictor[:, None], y).coef_[0, 0])
    low, high = -50.0, 50.0  # the score falls with the intercept: bisect it
    for _ in range(200):
        middle = (low + high) / 2
        if (y - 1 / (1 + np.exp(-predictor - middle))).sum() > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@cache
def pima_test() -> pl.DataFrame:
    """The 332 test rows: ``diabetes`` (Boolean), logistic and LDA probabilities, age, bmi."""
    train = pl.read_csv(PIMA / "pima_train.csv", null_values="NA").head(200)
    test = pl.read_csv(PIMA / "pima_test.csv", null_values="NA")
    x, y = train.drop("type").to_numpy(), (train["type"] == "Yes").to_numpy()
    probabilities = {}
    for name, estimator in (
        ("logistic", LogisticRegression(C=np.inf, max_iter=10_000)),
        ("discriminant", LinearDiscriminantAnalysis()),
    ):
        model = make_pipeline(StandardScaler(), estimator).fit(x, y)
        probabilities[name] = model.predict_proba(test.drop("type").to_numpy())[:, 1]
    return test.select(
        (pl.col("type") == "Yes").alias("diabetes"), "age", "bmi", "npreg"
    ).with_columns(**{k: pl.Series(v) for k, v in probabilities.items()})


def pima(model: str = "logistic") -> tuple[np.ndarray, np.ndarray]:
    """Outcome and probability of the 332 test rows."""
    frame = pima_test()
    return frame["diabetes"].to_numpy().astype(bool), frame[model].to_numpy()
