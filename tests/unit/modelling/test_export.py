"""ONNX and skops: equal answers, equal bytes, no pickle."""

import io
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from clinical_assets.canonical import sha256
from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.candidate import Candidate, train_candidate
from clinical_assets.modelling.export import OnnxModel, parity, to_onnx, to_skops
from clinical_assets.modelling.records import FeatureRecipe
from clinical_assets.modelling.spec import SelectionRule
from clinical_assets.modelling.training import fit


@pytest.mark.parametrize("estimator", MODEL.estimators, ids=lambda e: e.kind)
def test_onnx_answers_as_the_pipeline_does(estimator, features: pl.DataFrame) -> None:
    parameters = {name: values[0] for name, values in estimator.grid.items()}
    training = features.filter(pl.col("role") == "train")
    inputs = training.select(MODEL.inputs)
    pipeline = fit(MODEL, inputs, training["diabetes"], estimator.kind, parameters)
    onnx = to_onnx(MODEL, pipeline)
    assert parity(pipeline, onnx, features.select(MODEL.inputs)) < 1e-6
    assert to_onnx(MODEL, pipeline) == onnx


def test_a_different_model_is_told_by_parity(features: pl.DataFrame) -> None:
    training = features.filter(pl.col("role") == "train")
    inputs = training.select(MODEL.inputs)
    one, two = (
        fit(MODEL, inputs, training["diabetes"], "logistic_regression", {"C": c})
        for c in (0.01, 10.0)
    )
    assert parity(one, to_onnx(MODEL, two), inputs) > 0.05


def test_bytes_are_the_same_in_another_process(candidate: Candidate) -> None:
    program = """
from pathlib import Path
from clinical_assets.canonical import sha256
from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.candidate import train_candidate
from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
from clinical_assets.modelling.split import split_manifest
files = {p.name: p.read_bytes() for p in Path("data/raw/pima").glob("*.csv")}
data = MODEL.read(files)
split = split_manifest(MODEL, data)
recipe = fit_recipe(MODEL, MODEL.derive(rows_with_role(data, split, "patient_id", "train")))
made = train_candidate(MODEL, feature_table(MODEL, data, split, recipe), recipe)
print(made.record.onnx_sha256, sha256(made.skops))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.split() == [candidate.record.onnx_sha256, sha256(candidate.skops)]


def test_skops_loads_again_with_the_same_answers(
    candidate: Candidate, features: pl.DataFrame
) -> None:
    import skops.io

    assert skops.io.get_untrusted_types(data=candidate.skops) == []
    loaded = skops.io.loads(candidate.skops)
    inputs = features.select(MODEL.inputs)
    ours = OnnxModel(candidate.onnx).probabilities(inputs)
    assert np.allclose(loaded.predict_proba(inputs.to_numpy())[:, 1], ours, atol=1e-6)
    with zipfile.ZipFile(io.BytesIO(candidate.skops)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_skops_of_gradient_boosting_is_stable(features: pl.DataFrame) -> None:
    import skops.io

    training = features.filter(pl.col("role") == "train")
    inputs = training.select(MODEL.inputs)
    settings = {"max_iter": 5.0, "max_leaf_nodes": 3.0}
    first, second = (
        to_skops(fit(MODEL, inputs, training["diabetes"], "gradient_boosting", settings))
        for _ in range(2)
    )
    assert first == second
    trusted = skops.io.get_untrusted_types(data=first)
    loaded = skops.io.loads(first, trusted=trusted)
    assert loaded.predict_proba(inputs.to_numpy()).shape == (240, 2)


def test_rubbish_is_refused_in_one_paragraph() -> None:
    with pytest.raises(ClinicalError, match="cannot be loaded"):
        OnnxModel(b"not a model")


def test_the_spec_is_part_of_the_models_identity(
    features: pl.DataFrame, recipe: FeatureRecipe
) -> None:
    small = replace(
        MODEL, estimators=MODEL.estimators[:1], selection=SelectionRule(folds=2, repeats=1)
    )
    renamed = replace(small, title="Another title")
    one, two = (train_candidate(spec, features, recipe) for spec in (small, renamed))
    assert one.record.version != two.record.version


def test_skops_bytes_do_not_tell_one_object_from_two_equal_ones() -> None:
    """Whether two equal numbers are one object in memory is chance."""
    shared = float("0.1234")
    one = LogisticRegression(C=shared, tol=shared)
    two = LogisticRegression(C=float("0.1234"), tol=float("0.1234"))
    assert one.C is one.tol
    assert two.C is not two.tol
    assert to_skops(one) == to_skops(two)
    data = np.array([[0.0], [1.0]]), np.array([0, 1])
    fitted = to_skops(one.fit(*data))
    loaded = skops.io.loads(fitted)
    assert np.array_equal(loaded.predict_proba(data[0]), one.predict_proba(data[0]))
    assert to_skops(loaded) == fitted
