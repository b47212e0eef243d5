"""Evidently's own report of the same two tables, on a sample, as a second opinion.

What belongs here: handing Evidently what it can take and making sure that it reports on all of it.
What does not: our own statistics. Evidently takes pandas only, stops at a column without values,
may leave out columns without saying so, and chooses its methods by the number of rows; so columns
without values are taken out before, every method is named, and the columns it reports are held
against those that it was asked for. It bins by equal widths, so its PSI is not ours on deciles.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from clinical_assets.drift.level_counts import level_counts
from clinical_assets.drift.naming import identifying
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.result import Comparison
from clinical_assets.errors import ClinicalError
from clinical_assets.small_cells import is_small

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

METHOD = "psi"
OTHER = "(levels of few rows)"


@dataclass(frozen=True, slots=True)
class EvidentlyReport:
    """Its page, and of what it is.

    Attributes:
        columns: what it reports on.
        left_out: what it was not given, with the reason.
        rows: of the samples of the reference and the current data.
    """

    html: str
    columns: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    rows: tuple[int, int]
    seed: int

    def explain(self) -> str:
        """What the report is of, in a sentence."""
        said = (
            f"Evidently's report is of {len(self.columns)} columns (method {METHOD}) in a sample of"
            f" {self.rows[0]:,} and {self.rows[1]:,} rows (seed {self.seed})."
        )
        why = "; ".join(f"{name}: {reason}" for name, reason in self.left_out)
        return f"{said} Not in it are {why}." if why else said


def evidently_report(
    reference: pl.LazyFrame,
    current: pl.LazyFrame,
    found: Comparison,
    plan: Plan,
    *,
    rows: int = 10_000,
    seed: int = 0,
) -> EvidentlyReport:
    """Evidently's report on the columns that were compared.

    Args:
        found: our comparison of the tables; it says which columns there are.
        rows: of a side, at most; drawn without replacement.
        seed: of the sample.

    Raises:
        ClinicalError: no column is left, or the report is not of the columns asked for.
    """
    picked = [
        _picked(size, rows, np.random.default_rng([seed, side]))
        for side, size in enumerate((found.reference, found.current))
    ]
    samples: list[dict[str, pl.Series]] = [{}, {}]
    left_out = []
    for column in found.columns:
        if column.obstacle or column.kind not in ("numeric", "category", "boolean"):
            left_out.append((column.name, column.obstacle or f"of kind {column.kind}"))
            continue
        pair = [
            _plain(side.select(column.name).collect().to_series()[at], column.kind)
            for side, at in zip((reference, current), picked, strict=True)
        ]
        if reason := _unfit(pair, column.kind):
            left_out.append((column.name, reason))
            continue
        for sample, series in zip(samples, _named(pair, column.kind), strict=True):
            sample[column.name] = series
    if not samples[0]:
        raise ClinicalError(
            "No column is left for Evidently's report", repair="Leave --evidently out"
        )
    kinds = {column.name: str(column.kind) for column in found.columns}
    snapshot = _run(pl.DataFrame(samples[0]), pl.DataFrame(samples[1]), kinds, plan.psi)
    _demand(list(samples[0]), _reported(snapshot))
    return EvidentlyReport(
        snapshot.get_html_str(as_iframe=False),
        tuple(samples[0]),
        tuple(left_out),
        (len(picked[0]), len(picked[1])),
        seed,
    )


def _picked(size: int, rows: int, random: np.random.Generator) -> "np.ndarray[Any, Any]":
    if size <= rows:
        return np.arange(size)
    return np.sort(random.choice(size, rows, replace=False))


def _plain(series: pl.Series, kind: str) -> pl.Series:
    if kind != "numeric":
        return series.cast(pl.String)
    numbers = series.cast(pl.Float64)
    return numbers.replace([float("inf"), float("-inf")], None).fill_nan(None)


def _named(pair: list[pl.Series], kind: str) -> list[pl.Series]:
    """Both sides; levels that 1–10 rows of one have are one level together (PRI-08)."""
    if kind == "numeric":
        return pair
    table = level_counts(*(series.drop_nulls() for series in pair))
    counts = zip(table["p"].to_list(), table["q"].to_list(), strict=True)
    rare = [
        level
        for level, both in zip(table["level"].to_list(), counts, strict=True)
        if any(map(is_small, both))
    ]
    return [series.replace(rare, [OTHER] * len(rare)) for series in pair] if rare else pair


def _unfit(pair: list[pl.Series], kind: str) -> str:
    """Why Evidently is not given a column; empty where it is."""
    if any(series.null_count() == len(series) for series in pair):
        return "without a value in a sample"
    if kind == "category":
        present = [series.drop_nulls() for series in pair]
        if identifying(pair[0].name, level_counts(*present)):
            return "its levels look like identifiers"
    return ""


def _run(
    reference: pl.DataFrame, current: pl.DataFrame, kinds: dict[str, str], threshold: float
) -> "Snapshot":
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    names = reference.columns
    numeric = [name for name in names if kinds[name] == "numeric"]
    definition = DataDefinition(
        numerical_columns=numeric,
        categorical_columns=[name for name in names if name not in numeric],
    )
    data = [
        Dataset.from_pandas(side.to_pandas(), data_definition=definition)
        for side in (current, reference)
    ]
    preset = DataDriftPreset(
        columns=names,
        per_column_method=dict.fromkeys(names, METHOD),
        per_column_threshold=dict.fromkeys(names, threshold),
    )
    return Report([preset]).run(data[0], data[1])


def _reported(snapshot: "Snapshot") -> list[str]:
    """The columns of which the report holds a value."""
    found = []
    for metric in snapshot.dict()["metrics"]:
        config = metric.get("config", {})
        if str(config.get("type", "")).endswith("ValueDrift") and metric.get("value") is not None:
            found.append(str(config["column"]))
    return found


def _demand(asked: list[str], reported: list[str]) -> None:
    if sorted(asked) != sorted(reported):
        gone, more = sorted(set(asked) - set(reported)), sorted(set(reported) - set(asked))
        raise ClinicalError(
            f"Evidently's report is not of the columns asked for: {', '.join(gone) or 'none'}"
            f" missing, {', '.join(more) or 'none'} too many",
            repair="Use the page of --html, or name the columns that it can take by --columns",
        )
