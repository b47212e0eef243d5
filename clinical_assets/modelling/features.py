"""From dataset rows to the numbers that an estimator sees.

``derive`` of the spec makes feature columns row by row; the recipe then marks missing values and
fills them with medians fitted on training rows only. Missing-value indicators are columns of
their own because the imputer's own indicators do not convert to ONNX.
"""

from collections.abc import Sequence

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.own_code import derive_features
from clinical_assets.modelling.records import FeatureRecipe
from clinical_assets.modelling.spec import ClinicalModel, missing_indicator


def fit_recipe(spec: ClinicalModel, training: pl.DataFrame) -> FeatureRecipe:
    """Medians of the nullable feature columns over ``training`` (derived rows, nulls kept).

    Raises:
        ClinicalError: a nullable column holds no value at all in the training rows.
    """
    medians: dict[str, float] = {}
    for column in spec.features:
        if column.nullable:
            median = training.get_column(column.name).cast(pl.Float64).median()
            if not isinstance(median, float):
                raise ClinicalError(
                    f"Feature {column.name!r} is missing in every training row",
                    where=f"model {spec.name}, {training.height} training rows",
                    repair="Drop the feature from the spec or give rows that have it",
                )
            medians[column.name] = median
    return FeatureRecipe(tuple(c.name for c in spec.features), medians, training.height)


def apply_recipe(
    derived: pl.DataFrame, recipe: FeatureRecipe, inputs: Sequence[str]
) -> pl.DataFrame:
    """The estimator's inputs (Float64, columns ``inputs``), one row for each of ``derived``.

    Raises:
        ClinicalError: ``derived`` lacks a feature that the recipe was fitted on.
    """
    if lacking := [name for name in recipe.features if name not in derived.columns]:
        raise ClinicalError(
            f"The rows lack the features {', '.join(lacking)}",
            repair="Derive the features with the specification that the model was trained with",
        )
    values = [pl.col(name).cast(pl.Float64) for name in recipe.features]
    indicators = [
        pl.col(name).is_null().cast(pl.Float64).alias(missing_indicator(name))
        for name in recipe.medians
    ]
    table = derived.select(*values, *indicators)
    return table.with_columns(
        pl.col(name).fill_null(median) for name, median in recipe.medians.items()
    ).select(inputs)


def restore_missing(spec: ClinicalModel, features: pl.DataFrame) -> pl.DataFrame:
    """Features with nulls where the indicators say so: the inverse of imputation.

    Cross-validation uses it to fit the medians anew on each fold's own training part.
    """
    return features.with_columns(
        pl.when(pl.col(missing_indicator(c.name)) == 0.0).then(pl.col(c.name)).alias(c.name)
        for c in spec.features
        if c.nullable
    )


def feature_table(
    spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame, recipe: FeatureRecipe
) -> pl.DataFrame:
    """Identifier, role, label and the estimator's inputs of every dataset row, in its order."""
    derived = derive_features(spec, dataset)
    inputs = apply_recipe(derived, recipe, spec.inputs)
    return (
        dataset.select(spec.id_column, spec.label.column)
        .join(split, on=spec.id_column, how="left", maintain_order="left")
        .select(spec.id_column, "role", spec.label.column)
        .hstack(inputs)
    )


def rows_with_role(
    frame: pl.DataFrame, split: pl.DataFrame, id_column: str, role: str
) -> pl.DataFrame:
    """The rows of ``frame`` whose role in the split manifest is ``role``, in their order."""
    wanted = split.filter(pl.col("role") == role).get_column(id_column)
    return frame.filter(pl.col(id_column).is_in(wanted.implode()))
