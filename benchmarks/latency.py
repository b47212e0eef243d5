"""One-row latency: ONNX, which is what runs, against the scikit-learn pipeline it was made from.

Both take a one-row polars frame and give one probability, as a service would ask for it, each on
one thread: for one row threads only wait for each other, and that would flatter ONNX. The candidate
comes first; gradient boosting of the same spec is shown too, because there the gap is widest.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, added_memory, call, in_turns, quantile
from benchmarks.table import Table, memory_of, time_of, times

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Predict = Callable[[pl.DataFrame], NDArray[np.float64]]

TITLE = "One row of the diabetes model: ONNX against scikit-learn"
SKLEARN, ONNX = "scikit-learn", "ONNX"


def tables(quick: bool) -> list[Table]:
    """p50 and p99 over the test rows, several times each; and whether the answers are equal."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        models = call("benchmarks.latency:measured", folder, quick)
        for model, found in models.items():
            seconds = found["seconds"]
            equality = (f"{found['difference']:.1e}", f"{found['changed']} of {found['rows']}")
            for kind in (ONNX, SKLEARN):
                memory = call("benchmarks.latency:memory", folder, model, kind)
                median = quantile(seconds[kind], 0.5)
                rows.append(
                    (
                        f"{model}, {kind}",
                        time_of(median),
                        time_of(quantile(seconds[kind], 0.99)),
                        times(median / quantile(seconds[ONNX], 0.5)),
                        memory_of(memory),
                        *(equality if kind == SKLEARN else ("", "")),
                    )
                )
    columns = (
        *("one row", "p50", "p99", "ratio of p50", "peak memory"),
        *("largest difference", "decisions changed"),
    )
    note = (
        "Memory: of a process that loads the model and answers once (in brackets: what that added)."
        "\nDifference: of two probabilities for one test row. Decisions: at the threshold."
    )
    return [Table(TITLE, columns, tuple(rows), note)]


def measured(folder: str, quick: bool) -> dict[str, Any]:
    """What :func:`compared` says of each model that :func:`prepare` writes below ``folder``."""
    return {name: compared(folder, name, 1 if quick else 10) for name in prepare(folder, quick)}


def prepare(folder: str, quick: bool) -> list[str]:
    """Trains the candidate and writes the models and the test rows; the names of the models.

    With ``quick`` the candidate is searched for among two points on two folds.
    """
    import polars as pl

    from clinical_assets.diabetes.spec import MODEL
    from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
    from clinical_assets.modelling.split import split_manifest
    from clinical_assets.modelling.training import fit, train

    spec = MODEL
    if quick:
        first = replace(MODEL.estimators[0], grid={"C": (0.1, 1.0)})
        selection = replace(MODEL.selection, folds=2, repeats=1)
        spec = replace(MODEL, estimators=(first,), selection=selection)
    files = {p.name: p.read_bytes() for p in sorted((ROOT / "data/raw/pima").glob("*.csv"))}
    dataset = spec.read(files)
    split = split_manifest(spec, dataset)
    training = rows_with_role(dataset, split, spec.id_column, "train")
    recipe = fit_recipe(spec, spec.derive(training))
    features = feature_table(spec, dataset, split, recipe)
    rows = features.filter(pl.col("role") == "test").select(spec.inputs)
    rows.write_parquet(Path(folder) / "rows.parquet")

    candidate = train(spec, features, recipe)
    models = {f"candidate ({candidate.estimator.name})": candidate.pipeline}
    if not quick:
        boosting = next(e for e in spec.estimators if e.kind == "gradient_boosting")
        first_point = {name: values[0] for name, values in boosting.grid.items()}
        table = candidate.training
        models[boosting.name] = fit(
            spec, table.select(spec.inputs), table[spec.label.column], boosting.kind, first_point
        )
    for name, pipeline in models.items():
        _write(Path(folder) / name, spec, pipeline)
    return list(models)


def _write(path: Path, spec: Any, pipeline: Any) -> None:
    from clinical_assets.modelling.export import to_onnx, to_skops

    path.with_suffix(".onnx").write_bytes(to_onnx(spec, pipeline))
    path.with_suffix(".skops").write_bytes(to_skops(pipeline))
    threshold = {"threshold": spec.operating_point.threshold}
    path.with_suffix(".json").write_text(json.dumps(threshold))


def compared(folder: str, model: str, rounds: int) -> dict[str, Any]:
    """Seconds of every single answer of both, the largest difference, and changed decisions."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    rows = _rows(folder)
    predict = {kind: _load(folder, model, kind) for kind in (ONNX, SKLEARN)}
    seconds: dict[str, list[float]] = {kind: [] for kind in predict}
    with threadpool_limits(limits=1):
        for row in rows.iter_slices(1):
            actions = {kind: partial(ask, row) for kind, ask in predict.items()}
            for kind, found in in_turns(actions, rounds).items():
                seconds[kind] += found
        onnx, sklearn = (ask(rows) for ask in predict.values())
    threshold = json.loads((Path(folder) / model).with_suffix(".json").read_text())["threshold"]
    return {
        "seconds": seconds,
        "rows": rows.height,
        "difference": float(np.max(np.abs(onnx - sklearn))),
        "changed": int(np.sum((onnx >= threshold) != (sklearn >= threshold))),
    }


def memory(folder: str, model: str, kind: str) -> tuple[int, int]:
    """Peak memory of this process before and after it loads one model and answers one row."""
    row = _rows(folder).head(1)
    return added_memory(lambda: _load(folder, model, kind)(row))


def _rows(folder: str) -> "pl.DataFrame":
    import polars as pl

    return pl.read_parquet(Path(folder) / "rows.parquet")


def _load(folder: str, model: str, kind: str) -> "Predict":
    path = Path(folder) / model
    if kind == ONNX:
        from clinical_assets.modelling.export import OnnxModel

        return OnnxModel(path.with_suffix(".onnx").read_bytes()).probabilities
    import skops.io

    file = path.with_suffix(".skops")  # written by this benchmark a moment ago, hence trusted
    pipeline = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))

    def probabilities(inputs: "pl.DataFrame") -> "NDArray[np.float64]":
        positive: NDArray[np.float64] = pipeline.predict_proba(inputs.to_numpy())[:, 1]
        return positive

    return probabilities
