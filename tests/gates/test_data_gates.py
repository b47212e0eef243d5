"""Each data gate in a real run: after a bad or empty table the next asset does not start.

The graph is source → dataset → split → recipe → features, made of the pure functions and the
committed figures, with a witness behind each gate that records whether it was allowed to run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl
import pytest
from dagster import AssetIn, AssetKey, ExecuteInProcessResult, asset, materialize

from asset_checks.contracts.own import own_checks
from asset_checks.data_gates import dataset_gate, independence_gate, leakage_gate
from clinical_assets.diabetes.spec import MODEL
from clinical_assets.keys import ModelKeys
from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
from clinical_assets.modelling.records import FeatureRecipe, SourceFile, SourceRecord
from clinical_assets.modelling.split import split_manifest
from tests.unit.diabetes.real_data import ripley_files

KEYS = ModelKeys("diabetes")
Change = Callable[[pl.DataFrame], pl.DataFrame]


def unchanged(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


@dataclass
class Run:
    """One run: what came out of it, and which witnesses ran."""

    result: ExecuteInProcessResult
    ran: list[str] = field(default_factory=list)

    def check(self, name: str) -> tuple[bool, str]:
        """Whether the gate passed, and what it said."""
        found = [e for e in self.result.get_asset_check_evaluations() if e.check_name == name]
        assert len(found) == 1
        assert found[0].blocking
        return found[0].passed, found[0].description or ""

    def failures(self) -> str:
        """What the failed steps said."""
        events = self.result.all_events
        return " ".join(e.step_failure_data.error.to_string() for e in events if e.is_step_failure)


def run(
    files: Mapping[str, bytes] | None = None,
    *,
    dataset: Change = unchanged,
    split: Change = unchanged,
    recipe: Callable[[FeatureRecipe], FeatureRecipe] = lambda found: found,
    features: Change = unchanged,
) -> Run:
    """Materialize the graph with what the caller spoils in it."""
    ran: list[str] = []

    @asset(key=KEYS.source)
    def source_asset() -> SourceRecord:
        given = files or ripley_files()
        kept = (SourceFile(name, "0" * 64, len(d.splitlines()) - 1) for name, d in given.items())
        return SourceRecord("pima-ripley", "Pima", tuple(kept))

    @asset(key=KEYS.dataset)
    def dataset_asset() -> pl.DataFrame:
        return dataset(MODEL.read(files or ripley_files()))

    @asset(key=KEYS.split, ins={"dataset": AssetIn(KEYS.dataset)})
    def split_asset(dataset: pl.DataFrame) -> pl.DataFrame:
        ran.append("split")
        return split(split_manifest(MODEL, dataset))

    @asset(
        key=KEYS.feature_recipe,
        ins={"dataset": AssetIn(KEYS.dataset), "split": AssetIn(KEYS.split)},
    )
    def recipe_asset(dataset: pl.DataFrame, split: pl.DataFrame) -> FeatureRecipe:
        ran.append("recipe")
        training = rows_with_role(dataset, split, MODEL.id_column, "train")
        return recipe(fit_recipe(MODEL, MODEL.derive(training)))

    @asset(
        key=KEYS.features,
        ins={
            "dataset": AssetIn(KEYS.dataset),
            "split": AssetIn(KEYS.split),
            "recipe": AssetIn(KEYS.feature_recipe),
        },
    )
    def features_asset(
        dataset: pl.DataFrame, split: pl.DataFrame, recipe: FeatureRecipe
    ) -> pl.DataFrame:
        ran.append("features")
        return features(feature_table(MODEL, dataset, split, recipe))

    @asset(key=AssetKey(["diabetes", "witness"]), ins={"features": AssetIn(KEYS.features)})
    def witness(features: pl.DataFrame) -> None:
        ran.append("witness")

    result = materialize(
        [
            dataset_asset,
            split_asset,
            recipe_asset,
            features_asset,
            witness,
            source_asset,
            dataset_gate("dataset_contract", KEYS, MODEL, own_checks(MODEL.name)),
            independence_gate("split_independence", KEYS.split, KEYS.dataset, MODEL),
            leakage_gate("no_target_leakage", KEYS, MODEL),
        ],
        raise_on_error=False,
    )
    return Run(result, ran)


def spoiled(old: bytes, new: bytes, count: int = 1) -> dict[str, bytes]:
    files = ripley_files()
    assert old in files["pima_train.csv"]
    files["pima_train.csv"] = files["pima_train.csv"].replace(old, new, count)
    return files


def test_good_figures_pass_every_gate() -> None:
    good = run()
    assert good.result.success
    assert good.ran == ["split", "recipe", "features", "witness"]
    for name in ("dataset_contract", "split_independence", "no_target_leakage"):
        assert good.check(name)[0], good.check(name)[1]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (spoiled(b",bmi,", b","), "column 'bmi' is missing"),
        (spoiled(b",type", b",type,ward"), "unexpected column 'ward' at position 9"),
        (spoiled(b",age,", b",years,"), "column 'age' is missing; 'years' at position 7"),
        (spoiled(b"5,86,68", b"5,98765x,68"), "Column 'glu': 1 value is not a whole number (line"),
        (spoiled(b"5,86,68", b"5,98765\xe9,68"), "not UTF-8: the byte at line 2, column 'glu'"),
        (spoiled(b"5,86,68", b"5,\x0098765,68"), "the first at line 2, column 'glu'"),
        (spoiled(b"5,86,68", b"5,98765,86,68"), "Line 2 does not have the 8 fields"),
        ({**ripley_files(), "pima_train.csv": b""}, "The file is empty"),
        (
            {**ripley_files(), "pima_train.csv": b"npreg,glu,bp,skin,bmi,ped,age,type\n"},
            "The file holds a header and no row",
        ),
    ],
    ids=[
        "missing", "extra", "renamed", "wrong type", "not UTF-8", "NUL", "ragged", "empty",
        "header only",
    ],
)  # fmt: skip
def test_file_that_departs_from_its_layout_stops_the_run(
    files: dict[str, bytes], expected: str
) -> None:
    bad = run(files)
    assert not bad.result.success
    assert bad.ran == []
    assert expected in bad.failures()
    assert "pima_train.csv" in bad.failures()
    assert "98765" not in bad.failures()


@pytest.mark.parametrize(
    ("files", "dataset", "expected"),
    [
        (
            spoiled(b"5,86,68", b"5,98765,68"),
            unchanged,
            "column 'glucose_mg_per_dl': values outside 20 to 600 mg/dL: 1 (row 1)",
        ),
        (
            spoiled(b"5,77,82", b"5,86,68,28,30.2,0.364,24,No\n5,77,82"),
            unchanged,
            "rows that repeat an earlier row: 1 (row 3)",
        ),
        (
            spoiled(b"5,77,82", b"5,86,68,28,30.2,0.364,24,Yes\n5,77,82"),
            unchanged,
            "the same measurements as another row and another outcome: 2 (rows 1, 3)",
        ),
        (None, lambda f: f.drop("age_years"), "column 'age_years' is missing"),
        (None, lambda f: f.with_columns(ward=1), "unexpected column 'ward'"),
        (
            None,
            lambda f: f.with_columns(pl.col("age_years").cast(pl.String)),
            "column 'age_years': the type is String, where Int64 is declared",
        ),
        (None, lambda f: f.clear(), "the table has no rows"),
        (None, lambda f: f.head(631), "has 631 rows, its registered files 632"),
        (
            None,
            lambda f: f.with_columns(pl.col("patient_id") + " "),
            "column 'patient_id': keys that are empty or begin or end with white space: 632",
        ),
    ],
    ids=["range", "duplicate", "contradiction", "missing", "extra", "type", "empty", "lost", "key"],
)
def test_table_that_breaks_its_contract_stops_the_run(
    files: dict[str, bytes] | None, dataset: Change, expected: str
) -> None:
    bad = run(files, dataset=dataset)
    passed, said = bad.check("dataset_contract")
    assert not passed
    assert expected in said
    assert "98765" not in said
    assert bad.ran == []
    assert not bad.result.success


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (
            lambda f: pl.concat([f, f.head(1).with_columns(role=pl.lit("test"))]),
            "1 patient serves in more than one role (rows 1, 633 of the split)",
        ),
        (
            lambda f: f.with_columns(role=pl.col("role").replace("calibration", "train")),
            "no rows have the role calibration",
        ),
        (lambda f: f.head(600), "32 identifiers of the dataset have no role"),
        (lambda f: f.reverse().with_columns(role=f["role"]), "not in the part that was published"),
        (lambda f: f.clear(), "no rows have the role train or calibration or test"),
    ],
    ids=["one patient twice", "no calibration rows", "rows lost", "reshuffled", "empty"],
)
def test_split_that_is_not_independent_stops_the_run(split: Change, expected: str) -> None:
    bad = run(split=split)
    passed, said = bad.check("split_independence")
    assert not passed
    assert expected in said
    assert "train-001" not in said
    assert bad.ran == ["split"]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            {"features": lambda f: f.with_columns(age_years=pl.col("diabetes").cast(pl.Float64))},
            "input 'age_years' equals the label",
        ),
        (
            {"recipe": lambda r: FeatureRecipe(r.features, r.medians, 632)},
            "the recipe was fitted on 632 rows, not the 240 for training",
        ),
        ({"features": lambda f: f.clear()}, "the features table has no rows"),
        ({"features": lambda f: f.drop("age_years")}, "has no column age_years"),
    ],
    ids=["label", "recipe", "empty", "missing"],
)
def test_features_that_leak_stop_the_run(spoil: dict[str, Change], expected: str) -> None:
    bad = run(**spoil)
    passed, said = bad.check("no_target_leakage")
    assert not passed
    assert expected in said
    assert bad.ran == ["split", "recipe", "features"]
