"""Tables, schemas and column lineage as Dagster metadata.

What a person sees of an asset in Dagster's UI without opening a file. Counts and shares of groups
only, never a row of a patient (HIP-06).
"""

from collections.abc import Mapping, Sequence

import polars as pl
from dagster import (
    AssetKey,
    MarkdownMetadataValue,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableSchema,
)

from clinical_assets.modelling.records import Estimate
from clinical_assets.modelling.spec import ClinicalModel, Column, missing_indicator


def table_schema(columns: Sequence[Column], *constraints: str) -> TableSchema:
    """Dagster's schema of a table, from its contract: type, unit, range, meaning."""
    return TableSchema(
        columns=[
            TableColumn(
                name=column.name,
                type=column.dtype,
                description=f"{column.description} [{column.unit}]",
                constraints=TableColumnConstraints(
                    nullable=column.nullable, other=_range_of(column)
                ),
            )
            for column in columns
        ],
        constraints=TableConstraints(other=list(constraints)),
    )


def _range_of(column: Column) -> list[str]:
    limits = []
    if column.minimum is not None:
        limits.append(f">= {column.minimum:g}")
    if column.maximum is not None:
        limits.append(f"<= {column.maximum:g}")
    if column.levels:
        limits.append("one of " + ", ".join(column.levels))
    return limits


def feature_columns(spec: ClinicalModel) -> tuple[Column, ...]:
    """The contract of the features table: identifier, role, label, inputs."""
    label = next(c for c in spec.columns if c.name == spec.label.column)
    identifier = next(c for c in spec.columns if c.name == spec.id_column)
    role = Column(
        "role", "string", "1", "Part of the split", levels=("train", "calibration", "test")
    )
    inputs = [
        Column(c.name, "number", c.unit, f"{c.description}, imputed", c.minimum, c.maximum)
        for c in spec.features
    ]
    indicators = [
        Column(missing_indicator(c.name), "number", "1", f"1 where {c.name} was missing", 0, 1)
        for c in spec.features
        if c.nullable
    ]
    return (identifier, role, label, *inputs, *indicators)


def feature_lineage(spec: ClinicalModel, dataset: AssetKey, split: AssetKey) -> TableColumnLineage:
    """From which dataset column each feature column comes."""
    known = {c.name for c in spec.columns}

    def from_dataset(names: Sequence[str]) -> list[TableColumnDep]:
        return [TableColumnDep(asset_key=dataset, column_name=name) for name in names]

    deps: dict[str, list[TableColumnDep]] = {
        spec.id_column: from_dataset([spec.id_column]),
        spec.label.column: from_dataset([spec.label.column]),
        "role": [TableColumnDep(asset_key=split, column_name="role")],
    }
    for column in spec.features:
        origin = from_dataset((column.name,) if column.name in known else column.derived_from)
        deps[column.name] = origin
        if column.nullable:
            deps[missing_indicator(column.name)] = origin
    return TableColumnLineage(deps_by_column=deps)


def dataset_lineage(spec: ClinicalModel, source: AssetKey) -> TableColumnLineage:
    """From which column of the source's files each dataset column comes, where declared."""
    return TableColumnLineage(
        deps_by_column={
            column.name: [
                TableColumnDep(asset_key=source, column_name=name) for name in column.derived_from
            ]
            for column in spec.columns
            if column.derived_from
        }
    )


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A GitHub-flavoured Markdown table."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(headings), line(["---"] * len(headings)), *map(line, rows)])


def markdown(text: str) -> MarkdownMetadataValue:
    """Metadata value that the UI renders as Markdown."""
    return MetadataValue.md(text)


def describe(frame: pl.DataFrame, columns: Sequence[Column]) -> str:
    """Count, missing share and quartiles of each numeric column, as a Markdown table."""
    rows = []
    for column in columns:
        if column.name not in frame.columns or column.dtype not in ("number", "integer"):
            continue
        values = frame.get_column(column.name).cast(pl.Float64)
        quartiles = [values.quantile(q, "linear") for q in (0.25, 0.5, 0.75)]
        rows.append(
            [
                f"`{column.name}`",
                column.unit,
                values.len(),
                f"{values.null_count() / max(values.len(), 1):.1%}",
                *(number(q) for q in quartiles),
            ]
        )
    return markdown_table(
        ["column", "unit", "rows", "missing", "lower quartile", "median", "upper quartile"], rows
    )


def counts(frame: pl.DataFrame, by: str, label: str) -> str:
    """Rows, events and event share for each value of ``by``, as a Markdown table."""
    grouped = (
        frame.group_by(by, maintain_order=True)
        .agg(pl.len().alias("rows"), pl.col(label).cast(pl.Int64).sum().alias("events"))
        .iter_rows()
    )
    return markdown_table(
        [by, "rows", "events", "share"],
        [[value, n, events, f"{events / n:.1%}"] for value, n, events in grouped],
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number for a reader; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}g}"


def interval(estimate: Estimate, digits: int = 3) -> str:
    """``0.870 (0.829–0.906)``, or the reason why there is no number."""
    if estimate.value is None:
        return estimate.reason or "–"
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.{digits}f}"
    return (
        f"{estimate.value:.{digits}f} ({estimate.lower:.{digits}f} to {estimate.upper:.{digits}f})"
    )


def metrics_table(metrics: Mapping[str, Estimate]) -> str:
    """Metrics with 95 % interval, n and events, as a Markdown table."""
    return markdown_table(
        ["metric", "estimate (95 % interval)", "n", "events"],
        [
            [
                name.replace("_", " "),
                interval(e),
                e.n if e.n is not None else "–",
                e.events if e.events is not None else "–",
            ]
            for name, e in metrics.items()
        ],
    )
