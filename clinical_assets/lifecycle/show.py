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
from clinical_assets.small_cells import groups_to_withhold, is_small


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


def split_columns(spec: ClinicalModel) -> tuple[Column, ...]:
    """The contract of the split manifest: identifier and role."""
    return feature_columns(spec)[:2]


def prediction_columns(spec: ClinicalModel) -> tuple[Column, ...]:
    """The contract of the test predictions."""
    by_name = {column.name: column for column in spec.columns}
    kept = dict.fromkeys([spec.id_column, spec.label.column, *(g.column for g in spec.subgroups)])
    return (
        *(by_name[name] for name in kept),
        Column("probability", "number", "1", f"Probability of {spec.label.positive}", 0, 1),
        Column("protocol_sha256", "string", "1", "Protocol under which the row was read"),
        Column("champion_probability", "number", "1", "The champion's", 0, 1, nullable=True),
        Column("champion_version", "string", "1", "Version of the champion", nullable=True),
        Column("champion_sha256", "string", "1", "SHA-256 of its ONNX bytes", nullable=True),
    )


def same_name_lineage(columns: Sequence[Column], upstream: AssetKey) -> TableColumnLineage:
    """Columns that come unchanged from the upstream column of the same name."""
    return TableColumnLineage(
        deps_by_column={
            column.name: [TableColumnDep(asset_key=upstream, column_name=column.name)]
            for column in columns
        }
    )


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
    """Rows, missing values and quartiles of each numeric column, as a Markdown table.

    Over all parts of the split together, so missing values are told roughly: an exact total less
    the parts that the datasheet shows would give a hidden part away (PRI-08).
    """
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
                roughly(values.null_count(), values.len()),
                *(number(q) for q in quartiles),
            ]
        )
    return markdown_table(
        ["column", "unit", "rows", "missing", "lower quartile", "median", "upper quartile"], rows
    )


def roughly(part: int, whole: int) -> str:
    """A share in words that give no count away.

    >>> roughly(0, 632), roughly(3, 632), roughly(13, 632), roughly(98, 632)
    ('none', '1 to 10', 'under 5 %', 'about 15 %')
    """
    if not part:
        return "none"
    if is_small(part):
        return "1 to 10"
    share = round(20 * part / whole) * 5
    return "under 5 %" if part < 0.05 * whole else f"about {share} %"


def counts(frame: pl.DataFrame, by: str, label: str) -> str:
    """Rows, events and event share for each value of ``by``, as a Markdown table.

    Small cells are withheld, with what would give them away.
    """
    grouped = (
        frame.group_by(by, maintain_order=True)
        .agg(pl.len().alias("rows"), pl.col(label).cast(pl.Int64).sum().alias("events"))
        .rows()
    )
    hidden = groups_to_withhold([(events, n - events) for _, n, events in grouped])
    return markdown_table(
        [by, "rows", "events", "share"],
        [
            [value, n, "suppressed", "suppressed"]
            if place in hidden
            else [value, n, events, f"{events / n:.1%}"]
            for place, (value, n, events) in enumerate(grouped)
        ],
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
