"""A table's contract: from a declaration of columns to a pandera schema, and the verdict over it.

What belongs here: what holds for every clinical table (columns, types, ranges, permitted values,
nullability, keys, duplicates, the outcome). What is particular to a use case is handed in as
further pandera checks (``contracts/diabetes.py``). A verdict names columns, checks, counts and
row numbers. pandera's own failure cases hold whole rows and its messages quote values, so neither
is ever read here: only which check failed, and in which rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from clinical_assets.modelling.records import Verdict
from clinical_assets.modelling.spec import Column
from clinical_assets.modelling.tabular import located
from clinical_assets.modelling.tabular_header import differences

if TYPE_CHECKING:
    import pandera.polars as pa

SHOWN_ROWS = 5
SHOWN_FAULTS = 20

_WHOLE_COLUMN = ("some value", "outcomes")

_TYPES = {
    "integer": pl.Int64,
    "number": pl.Float64,
    "string": pl.String,
    "boolean": pl.Boolean,
}


def row_check(name: str, error: str, expression: Callable[[], pl.Expr]) -> "pa.Check":
    """A check over whole rows, for a use case's own rules.

    Args:
        name: short name, shown in the verdict (``pregnancies against age``).
        error: the rows that fail, as a noun (``rows with more pregnancies than ...``).
        expression: makes the polars expression that is true where a row is right; null passes.
    """
    return _check(name, error, lambda data: data.lazyframe.select(expression().alias(name)))


def contract(
    columns: Sequence[Column],
    *,
    unique: Sequence[str] = (),
    label: str | None = None,
    strict: bool = True,
    distinct_rows: bool = True,
    checks: Sequence["pa.Check"] = (),
) -> "pa.DataFrameSchema":
    """The pandera schema of a table.

    Number columns refuse NaN and infinity even where null is allowed; a nullable column must
    hold at least one value, because a column that is missing throughout is a fault of the source.

    Args:
        columns: every column of the table.
        unique: the key; no two rows share it.
        label: the outcome, which must be known in every row and take more than one value.
        strict: whether a column that is not declared is a fault.
        distinct_rows: whether two rows that agree in every column but the key are a fault. Set
            it to False for tables in which different rows legitimately agree.
        checks: further checks over whole rows (:func:`row_check`).

    Raises:
        ValueError: ``unique`` or ``label`` names a column that is not declared, or the label is
            declared nullable.
    """
    import pandera.polars as pa

    names = [column.name for column in columns]
    unknown = [name for name in (*unique, *([label] if label else [])) if name not in names]
    if unknown:
        raise ValueError(f"the contract names undeclared columns: {', '.join(unknown)}")
    if label and next(c for c in columns if c.name == label).nullable:
        raise ValueError(f"the label {label!r} may not be nullable")
    whole = list(checks)
    if unique:
        whole.append(
            _distinct("unique key", "rows that repeat the key of an earlier row", list(unique))
        )
    measured = [name for name in names if name not in unique]
    if distinct_rows and measured:
        whole.append(_distinct("duplicate row", "rows that repeat an earlier row", measured))
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(
                _TYPES[column.dtype],
                nullable=column.nullable,
                checks=list(
                    _column_checks(column, outcome=column.name == label, key=column.name in unique)
                ),
                description=f"{column.description} [{column.unit}]",
            )
            for column in columns
        },
        checks=whole,
        strict=strict,
    )


def judge_contract(
    frame: pl.DataFrame, schema: "pa.DataFrameSchema", *, gate: str = "contract"
) -> Verdict:
    """Whether ``frame`` keeps the contract; rows are numbered from 1 in the frame's order.

    Environment variables that switch pandera off or make it shallow have no effect. An empty
    frame, and a LazyFrame whose collection is empty, fails.
    """
    frame = frame.lazy().collect()  # pandera skips value checks on a LazyFrame
    declared = list(schema.columns)
    seen = [name for name in frame.columns if schema.strict or name in declared]
    problems = differences(seen, declared)
    if frame.height == 0:
        return _verdict(gate, frame, [*problems, "the table has no rows"], {})
    try:
        faults = _validate(frame, schema)
    except Exception as error:  # its message may quote a value, so only its type is shown
        faults = []
        problems.append(f"the contract could not be evaluated ({type(error).__name__})")
    else:
        if faults is None and not problems:
            problems.append("the schema was not kept, but no row shows where")
        faults = faults or []
    counts = {f"{f.check} ({f.column})" if f.column else f.check: float(f.count) for f in faults}
    return _verdict(gate, frame, [*problems, *(f.text for f in faults)], counts)


def _validate(frame: pl.DataFrame, schema: "pa.DataFrameSchema") -> "list[_Fault] | None":
    """The faults, none if the schema is kept; None if it is not kept and pandera names no row."""
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    everything = ValidationDepth.SCHEMA_AND_DATA
    try:
        with config_context(validation_enabled=True, validation_depth=everything):
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return list(_faults(errors.schema_errors, frame)) or None
    return []


@dataclass(frozen=True, slots=True)
class _Fault:
    check: str
    column: str
    count: int
    text: str


def _faults(errors: Sequence[Any], frame: pl.DataFrame) -> Iterator[_Fault]:
    """What pandera found, without the rows and values that its errors carry."""
    from pandera.errors import SchemaErrorReason as Reason

    mistyped = {e.column_name for e in errors if e.reason_code == Reason.WRONG_DATATYPE}
    incomplete = bool(mistyped) or any(
        e.reason_code == Reason.COLUMN_NOT_IN_DATAFRAME for e in errors
    )
    for error in errors:
        column = error.column_name or ""
        place = f"column {column!r}: " if column else ""
        reason = error.reason_code
        if reason in (Reason.COLUMN_NOT_IN_SCHEMA, Reason.COLUMN_NOT_IN_DATAFRAME):
            continue  # named already, all of them and with the nearest name
        if reason == Reason.WRONG_DATATYPE:
            wanted = error.schema.dtype
            text = f"{place}the type is {frame.schema[column]}, where {wanted} is declared"
            yield _Fault("type", column, frame.height, text)
        elif reason == Reason.CHECK_ERROR:
            # A check that fails to run says nothing new about a column of the wrong type.
            if column in mistyped or (not column and incomplete):
                continue
            name = error.check.name
            yield _Fault(name, column, frame.height, f"{place}check {name!r} could not be run")
        elif reason == Reason.SERIES_CONTAINS_NULLS:
            yield _located("not null", "missing values", column, error.check_output)
        else:
            check = error.check
            name = check if isinstance(check, str) else check.name
            phrase = name if isinstance(check, str) else (check.error or name)
            yield _located(name, phrase, column, error.check_output)


def _located(check: str, phrase: str, column: str, output: pl.DataFrame) -> _Fault:
    """A fault with its count and row numbers; one that concerns the whole column has neither."""
    place = f"column {column!r}: " if column else ""
    if check in _WHOLE_COLUMN:
        return _Fault(check, column, output.height, f"{place}{phrase}")
    bad = output.to_series(output.width - 1).fill_null(False).not_().arg_true() + 1
    where = located(bad.head(SHOWN_ROWS).to_list(), bad.len(), "row")
    return _Fault(check, column, bad.len(), f"{place}{phrase}: {bad.len()} ({where})")


def _verdict(
    gate: str, frame: pl.DataFrame, problems: list[str], counts: Mapping[str, float]
) -> Verdict:
    measurements: dict[str, float | str | None] = {
        "rows": float(frame.height),
        "columns": float(frame.width),
        "faults": float(len(problems)),
        **counts,
    }
    if not problems:
        summary = f"{frame.height} rows keep the contract of {frame.width} columns."
        return Verdict(gate, True, summary, measurements)
    shown = "; ".join(problems[:SHOWN_FAULTS])
    more = len(problems) - SHOWN_FAULTS
    tail = f"; and {more} more faults" if more > 0 else ""
    return Verdict(gate, False, f"The table breaks its contract: {shown}{tail}.", measurements)


def _column_checks(column: Column, *, outcome: bool, key: bool) -> Iterator["pa.Check"]:
    name = column.name
    if key and column.dtype == "string":
        trimmed = pl.col(name).str.strip_chars()
        yield _check(
            "plain key",
            "keys that are empty or begin or end with white space",
            lambda data: data.lazyframe.select((trimmed == pl.col(name)) & (trimmed != "")),
        )
    if column.dtype == "number":
        yield _check(
            "finite",
            "values that are not finite numbers",
            lambda data: data.lazyframe.select(pl.col(name).is_finite()),
        )
    if column.minimum is not None or column.maximum is not None:
        yield _check(
            "range", _range_phrase(column), lambda data: data.lazyframe.select(_within(column))
        )
    if column.levels:
        levels = list(column.levels)
        yield _check(
            "levels",
            f"values other than {', '.join(levels)}",
            lambda data: data.lazyframe.select(pl.col(name).is_in(levels)),
        )
    if column.nullable:
        yield _check("some value", "no value at all", lambda data: _constant(data, name, 1))
    if outcome:
        yield _check("outcomes", "one outcome only", lambda data: _constant(data, name, 2))


def _constant(data: Any, name: str, least: int) -> pl.LazyFrame:
    """One answer for each row: whether at least so many different values occur in the column.

    A single boolean would do, but pandera 0.35 then fails to join its failure cases to those of
    other checks.
    """
    enough = pl.col(name).drop_nulls().n_unique() >= least
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(pl.when(pl.col(name).is_null()).then(enough).otherwise(enough).alias(name))


def _within(column: Column) -> pl.Expr:
    """True inside the plausible range; NaN passes here, because ``finite`` reports it."""
    value = pl.col(column.name)
    inside = pl.lit(True)
    if column.minimum is not None:
        inside = inside & (value >= column.minimum)
    if column.maximum is not None:
        inside = inside & (value <= column.maximum)
    inside = pl.when(value.is_not_null()).then(inside)
    return (inside | value.is_nan() if column.dtype == "number" else inside).alias(column.name)


def _range_phrase(column: Column) -> str:
    unit = "" if column.unit == "1" else f" {column.unit}"
    low, high = column.minimum, column.maximum
    if low is None:
        return f"values above {high:g}{unit}"
    if high is None:
        return f"values below {low:g}{unit}"
    return f"values outside {low:g} to {high:g}{unit}"


def _distinct(name: str, error: str, columns: list[str]) -> "pa.Check":
    return _check(
        name,
        error,
        lambda data: data.lazyframe.select(pl.struct(columns).is_first_distinct().alias(name)),
    )


def _check(name: str, error: str, function: Callable[[Any], pl.LazyFrame]) -> "pa.Check":
    """A pandera check that keeps few of the failing values in memory, and shows none."""
    import pandera.polars as pa

    return pa.Check(function, name=name, error=error, n_failure_cases=SHOWN_ROWS)
