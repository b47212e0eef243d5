"""Gates over data as blocking Dagster checks: contract, split independence, leakage.

What belongs here: factories that take asset keys and what the verdict needs, load the assets'
values and show the verdict. What does not: any decision (``contracts/``,
``clinical_assets.modelling.independence`` and ``leakage``). Every gate blocks: within a run no
asset downstream of the checked one starts unless it passed, and a gate that raises blocks too.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetCheckResult, AssetChecksDefinition, AssetIn, AssetKey, asset_check

from asset_checks.contracts.tables import contract, judge_contract
from asset_checks.verdicts import to_check_result
from clinical_assets.keys import ModelKeys
from clinical_assets.modelling.independence import (
    MAXIMUM_NEAR_SHARE,
    NEAR_TOLERANCE,
    judge_split,
)
from clinical_assets.modelling.leakage import MAXIMUM_AUROC, judge_leakage
from clinical_assets.modelling.records import FeatureRecipe, SourceRecord
from clinical_assets.modelling.spec import ClinicalModel, Column

if TYPE_CHECKING:
    import pandera.polars as pa


def contract_gate(
    name: str,
    table: AssetKey,
    columns: Sequence[Column],
    *,
    unique: Sequence[str] = (),
    label: str | None = None,
    strict: bool = True,
    distinct_rows: bool = True,
    checks: "Callable[[], Sequence[pa.Check]]" = tuple,
) -> AssetChecksDefinition:
    """The table at ``table`` keeps its contract.

    Args:
        name: the check's name.
        table: an asset whose value is a polars frame.
        columns, unique, label, strict, distinct_rows: see
            :func:`asset_checks.contracts.tables.contract`.
        checks: makes the use case's own pandera checks; called in the run, because importing
            pandera takes seconds.
    """

    @asset_check(
        asset=table,
        name=name,
        blocking=True,
        description=(
            "Columns, types, plausible ranges, permitted values, missing values, keys and"
            " duplicate rows are as declared."
        ),
    )
    def gate(table: pl.DataFrame) -> AssetCheckResult:
        schema = contract(
            columns,
            unique=unique,
            label=label,
            strict=strict,
            distinct_rows=distinct_rows,
            checks=checks(),
        )
        return to_check_result(judge_contract(table, schema, gate=name), table)

    return gate


def dataset_gate(
    name: str,
    keys: ModelKeys,
    spec: ClinicalModel,
    checks: "Callable[[], Sequence[pa.Check]]" = tuple,
) -> AssetChecksDefinition:
    """The dataset keeps its contract and lost no row; a refusal says which rows are whose file's.

    Args:
        name: the check's name.
        keys: of the model: guarded is its dataset, with the source beside it.
        spec: the model's declaration.
        checks: as in :func:`contract_gate`.
    """

    @asset_check(
        asset=keys.dataset,
        additional_ins={"source": AssetIn(keys.source)},
        name=name,
        blocking=True,
        description=(
            "Columns, types, plausible ranges, permitted values, missing values, keys and"
            " duplicate rows are as declared."
        ),
    )
    def gate(dataset: pl.DataFrame, source: SourceRecord) -> AssetCheckResult:
        schema = contract(
            spec.columns, unique=(spec.id_column,), label=spec.label.column, checks=checks()
        )
        verdict = judge_contract(dataset, schema, gate=name)
        registered = sum(file.rows for file in source.files)
        if dataset.height != registered:
            counts = f"The dataset has {dataset.height} rows, its registered files {registered}."
            told = f"{counts} {verdict.summary}" if not verdict.passed else counts
            verdict = replace(verdict, passed=False, summary=told)
        if not verdict.passed:
            verdict = replace(verdict, summary=f"{verdict.summary} {rows_of_files(source)}")
        return to_check_result(verdict, dataset)

    return gate


def rows_of_files(source: SourceRecord) -> str:
    """Which dataset rows are of which file; readers keep the order of files and of rows."""
    first = 1
    parts = []
    for file in source.files:
        last = first + file.rows - 1
        parts.append(f"{file.name} {first} to {last}")
        first = last + 1
    return "Rows of the dataset by file: " + ", ".join(parts) + "."


def independence_gate(
    name: str,
    split: AssetKey,
    dataset: AssetKey,
    spec: ClinicalModel,
    *,
    near_tolerance: float = NEAR_TOLERANCE,
    maximum_near_share: float = MAXIMUM_NEAR_SHARE,
) -> AssetChecksDefinition:
    """No patient of the split manifest serves in two roles (GML-04).

    Args:
        name: the check's name.
        split: the split manifest, which the check guards.
        dataset: the dataset that it splits.
        spec: the model's declaration.
        near_tolerance, maximum_near_share: see
            :func:`clinical_assets.modelling.independence.judge_independence`.
    """

    @asset_check(
        asset=split,
        additional_ins={"dataset": AssetIn(dataset)},
        name=name,
        blocking=True,
        description=(
            "No patient serves in two roles: by identifier, by equal and by nearly equal"
            " measurements; split and dataset hold the same patients."
        ),
    )
    def gate(split: pl.DataFrame, dataset: pl.DataFrame) -> AssetCheckResult:
        verdict = judge_split(
            spec,
            dataset,
            split,
            near_tolerance=near_tolerance,
            maximum_near_share=maximum_near_share,
            gate=name,
        )
        return to_check_result(verdict, split)

    return gate


def leakage_gate(
    name: str, keys: ModelKeys, spec: ClinicalModel, *, maximum_auroc: float = MAXIMUM_AUROC
) -> AssetChecksDefinition:
    """Neither the outcome nor the test rows can be read from the features.

    Args:
        name: the check's name.
        keys: of the model: guarded are its features, with dataset, split and recipe beside them.
        spec: the model's declaration.
        maximum_auroc: see :data:`clinical_assets.modelling.leakage.MAXIMUM_AUROC`.
    """

    @asset_check(
        asset=keys.features,
        additional_ins={
            "dataset": AssetIn(keys.dataset),
            "split": AssetIn(keys.split),
            "recipe": AssetIn(keys.feature_recipe),
        },
        name=name,
        blocking=True,
        description=(
            "The label is not among the inputs, no input stands in for it, features are"
            " row-wise and imputation was fitted on training rows only."
        ),
    )
    def gate(
        features: pl.DataFrame,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        recipe: FeatureRecipe,
    ) -> AssetCheckResult:
        verdict = judge_leakage(
            spec, dataset, split, features, recipe, maximum_auroc=maximum_auroc, gate=name
        )
        return to_check_result(verdict, features)

    return gate
