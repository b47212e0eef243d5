"""The families of models that a spec may name, each built from its parameters.

scikit-learn estimators only, chosen because each converts to ONNX with equal probabilities.
Not here: search (``training``), conversion (``export``).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clinical_assets.modelling.spec import EstimatorKind

PARAMETERS: Mapping[str, frozenset[str]] = {
    "logistic_regression": frozenset({"C"}),
    "linear_discriminant": frozenset({"shrinkage"}),
    "gradient_boosting": frozenset(
        {
            "learning_rate",
            "max_iter",
            "max_leaf_nodes",
            "min_samples_leaf",
            "l2_regularization",
        }
    ),
}
"""The kinds of estimators, and the parameters that each takes."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Numeric libraries compute on one thread within the block.

    The tables are small, threads would wait for each other, and the order of additions must not
    depend on the number of cores. The limit reaches only libraries that are loaded, so those
    behind every estimator are loaded first.
    """
    import sklearn.discriminant_analysis
    import sklearn.ensemble
    import sklearn.linear_model  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def build_estimator(kind: EstimatorKind, parameters: Mapping[str, float], seed: int) -> Any:
    """An unfitted scikit-learn pipeline.

    Args:
        kind: ``logistic_regression`` takes ``C`` (inverse L2 penalty; absent: no penalty),
            ``linear_discriminant`` takes ``shrinkage`` of the covariance towards the identity
            (absent: none), ``gradient_boosting`` takes ``learning_rate``, ``max_iter``,
            ``max_leaf_nodes``, ``min_samples_leaf`` and ``l2_regularization``.
        parameters: by name.
        seed: of the estimator's own random choices.

    Raises:
        ValueError: a parameter or kind that is not known.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind not in PARAMETERS:
        raise ValueError(f"no estimator of kind {kind!r}")
    if unknown := set(parameters) - PARAMETERS[kind]:
        raise ValueError(f"{kind} does not take {', '.join(sorted(unknown))}")

    if kind == "logistic_regression":
        from sklearn.linear_model import LogisticRegression

        penalty = parameters.get("C", float("inf"))
        return make_pipeline(
            StandardScaler(), LogisticRegression(C=penalty, max_iter=10_000, tol=1e-8)
        )
    if kind == "linear_discriminant":
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        return make_pipeline(
            StandardScaler(),
            LinearDiscriminantAnalysis(solver="lsqr", shrinkage=parameters.get("shrinkage")),
        )
    from sklearn.ensemble import HistGradientBoostingClassifier

    whole = {"max_iter", "max_leaf_nodes", "min_samples_leaf"}
    chosen = {name: int(v) if name in whole else v for name, v in parameters.items()}
    return make_pipeline(
        HistGradientBoostingClassifier(early_stopping=False, random_state=seed, **chosen)
    )
