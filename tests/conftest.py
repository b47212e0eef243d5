"""Fixtures that several folders share: the real diabetes tables, and a candidate trained once."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.assess import evaluate_candidate, predict_test
from clinical_assets.modelling.candidate import Candidate, train_candidate
from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
from clinical_assets.modelling.protocol import freeze
from clinical_assets.modelling.records import Evaluation, FeatureRecipe, Protocol
from clinical_assets.modelling.split import split_manifest
from resources.mlflow_registry import Registry

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def pima_files() -> dict[str, bytes]:
    """The committed Pima files by name."""
    return {p.name: p.read_bytes() for p in sorted((ROOT / "data/raw/pima").glob("*.csv"))}


@pytest.fixture(scope="session")
def dataset(pima_files: dict[str, bytes]) -> pl.DataFrame:
    """The 632 rows in named columns."""
    return MODEL.read(pima_files)


@pytest.fixture(scope="session")
def split(dataset: pl.DataFrame) -> pl.DataFrame:
    """The role of each row."""
    return split_manifest(MODEL, dataset)


@pytest.fixture(scope="session")
def recipe(dataset: pl.DataFrame, split: pl.DataFrame) -> FeatureRecipe:
    """The imputation fitted on training rows."""
    return fit_recipe(MODEL, MODEL.derive(rows_with_role(dataset, split, MODEL.id_column, "train")))


@pytest.fixture(scope="session")
def features(dataset: pl.DataFrame, split: pl.DataFrame, recipe: FeatureRecipe) -> pl.DataFrame:
    """What the estimator sees."""
    return feature_table(MODEL, dataset, split, recipe)


@pytest.fixture(scope="session")
def candidate(features: pl.DataFrame, recipe: FeatureRecipe) -> Candidate:
    """The diabetes candidate, trained once for the whole session."""
    return train_candidate(MODEL, features, recipe)


@pytest.fixture(scope="session")
def protocol(candidate: Candidate, dataset: pl.DataFrame, split: pl.DataFrame) -> Protocol:
    """The criteria, frozen for the candidate."""
    return freeze(MODEL, candidate.record, dataset, split)


@pytest.fixture(scope="session")
def predictions(
    candidate: Candidate, protocol: Protocol, dataset: pl.DataFrame, split: pl.DataFrame
) -> pl.DataFrame:
    """The candidate's probabilities on the real test rows, before there is a champion."""
    return predict_test(MODEL, candidate.record, candidate.onnx, protocol, dataset, split, None)


@pytest.fixture(scope="session")
def evaluation(
    candidate: Candidate,
    protocol: Protocol,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    predictions: pl.DataFrame,
) -> Evaluation:
    """The candidate measured on the real test rows, before there is a champion."""
    return evaluate_candidate(
        MODEL, candidate.record, candidate.onnx, protocol, dataset, split, predictions
    )


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables and nothing in them; making one takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    Registry(f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts")).prepare()
    return folder / "mlflow.db"


@pytest.fixture
def registry(empty_mlflow: Path, tmp_path: Path) -> Registry:
    """A registry of the test's own."""
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    return Registry(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))
