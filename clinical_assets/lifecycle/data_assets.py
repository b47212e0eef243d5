"""Assets from the registered source to the features table."""

import polars as pl
from dagster import AssetExecutionContext, AssetsDefinition

from clinical_assets.keys import ModelKeys
from clinical_assets.lifecycle import plots, show
from clinical_assets.lifecycle.declare import model_asset
from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
from clinical_assets.modelling.own_code import derive_features, read_dataset
from clinical_assets.modelling.records import FeatureRecipe, SourceFile, SourceRecord
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.modelling.split import split_manifest
from resources.snapshots import SnapshotsResource
from resources.sources import SourcesResource


def build_data_assets(spec: ClinicalModel) -> list[AssetsDefinition]:
    """``source``, ``dataset``, ``split``, ``feature_recipe`` and ``features`` of a model."""
    return [_source(spec), _dataset(spec), _split(spec), _feature_recipe(spec), _features(spec)]


def _source(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "source",
        kinds=("csv", "sha256"),
        description=(
            f"The registered source `{spec.source}`: its files, verified against the SHA-256 in "
            "`data/sources.toml` and kept in the snapshot store (P11-08)."
        ),
    )
    def source(
        context: AssetExecutionContext, sources: SourcesResource, snapshots: SnapshotsResource
    ) -> SourceRecord:
        registered, files = sources.open().read(spec.source)
        store = snapshots.open()
        kept = tuple(
            SourceFile(name=file.name, sha256=store.put(files[file.name]), rows=file.rows)
            for file in registered.files
        )
        context.add_output_metadata(
            {
                "title": registered.title,
                "license": registered.license,
                "citation": registered.citation,
                "collection": show.markdown(registered.collection),
                "consent": show.markdown(registered.consent),
                "files": show.markdown(
                    show.markdown_table(
                        ["file", "rows", "SHA-256"],
                        [[f"`{f.name}`", f.rows, f"`{f.sha256}`"] for f in kept],
                    )
                ),
            }
        )
        return SourceRecord(spec.source, registered.title, kept)

    return source


def _dataset(spec: ClinicalModel) -> AssetsDefinition:
    keys = ModelKeys(spec.name)

    @model_asset(
        spec,
        "dataset",
        reads=("source",),
        kinds=("polars", "deltalake"),
        description="The source in named columns with units; missing is null; types are strict.",
        metadata={
            "dagster/column_schema": show.table_schema(spec.columns, f"unique {spec.id_column}"),
            "dagster/column_lineage": show.dataset_lineage(spec, keys.source),
        },
    )
    def dataset(
        context: AssetExecutionContext, source: SourceRecord, snapshots: SnapshotsResource
    ) -> pl.DataFrame:
        store = snapshots.open()
        frame = read_dataset(spec, {file.name: store.get(file.sha256) for file in source.files})
        if frame.height and frame.schema.get(spec.label.column) == pl.Boolean:
            context.add_output_metadata(
                {
                    "columns": show.markdown(show.describe(frame, spec.columns)),
                    "distributions": plots.distributions(frame, spec.columns, spec),
                }
            )
        return frame

    return dataset


def _split(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "split",
        reads=("dataset",),
        kinds=("polars", "deltalake"),
        description=(
            "Which row serves for training, calibration and test: the published test set, "
            f"calibration rows by seed {spec.seed}, stratified by the label (GML-04)."
        ),
        metadata={
            "dagster/column_schema": show.table_schema(
                show.split_columns(spec), f"unique {spec.id_column}"
            ),
            "dagster/column_lineage": show.same_name_lineage(
                show.split_columns(spec)[:1], ModelKeys(spec.name).dataset
            ),
        },
    )
    def split(context: AssetExecutionContext, dataset: pl.DataFrame) -> pl.DataFrame:
        manifest = split_manifest(spec, dataset)
        labelled = manifest.join(dataset.select(spec.id_column, spec.label.column), spec.id_column)
        context.add_output_metadata(
            {
                "seed": spec.seed,
                "roles": show.markdown(show.counts(labelled, "role", spec.label.column)),
            }
        )
        return manifest

    return split


def _feature_recipe(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "feature_recipe",
        reads=("dataset", "split"),
        kinds=("polars",),
        description="Medians that fill missing values, fitted on training rows only.",
    )
    def feature_recipe(
        context: AssetExecutionContext, dataset: pl.DataFrame, split: pl.DataFrame
    ) -> FeatureRecipe:
        training = rows_with_role(dataset, split, spec.id_column, "train")
        recipe = fit_recipe(spec, derive_features(spec, training))
        context.add_output_metadata(
            {
                "training_rows": recipe.rows,
                "medians": show.markdown(
                    show.markdown_table(["feature", "median"], list(recipe.medians.items()))
                ),
            }
        )
        return recipe

    return feature_recipe


def _features(spec: ClinicalModel) -> AssetsDefinition:
    keys = ModelKeys(spec.name)
    columns = show.feature_columns(spec)

    @model_asset(
        spec,
        "features",
        reads=("dataset", "split", "feature_recipe"),
        kinds=("polars", "deltalake"),
        description="What the estimator sees: derived columns, imputed, with missing indicators.",
        metadata={
            "dagster/column_schema": show.table_schema(columns, f"unique {spec.id_column}"),
            "dagster/column_lineage": show.feature_lineage(spec, keys.dataset, keys.split),
        },
    )
    def features(
        context: AssetExecutionContext,
        dataset: pl.DataFrame,
        split: pl.DataFrame,
        feature_recipe: FeatureRecipe,
    ) -> pl.DataFrame:
        table = feature_table(spec, dataset, split, feature_recipe)
        context.add_output_metadata(
            {
                "columns": show.markdown(show.describe(table, columns)),
                "distributions": plots.distributions(table, spec.features, spec),
            }
        )
        return table

    return features
