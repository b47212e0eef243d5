"""Whether the right cause is named first: known faults put into real columns, many times over."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import Table

COLUMNS = ("HR", "Temp", "SBP", "Glucose", "Creatinine", "Hgb", "Calcium", "Lactate")
SIZES = (300, 1000, 5000)
_FACTORS = {
    "HR": None,
    "Temp": (1.8, 32.0),
    "SBP": (1 / 7.500615, 0.0),
    "Glucose": (1 / 18.0156, 0.0),
    "Creatinine": (88.402, 0.0),
    "Hgb": (0.6206, 0.0),
    "Calcium": (1 / 4.0078, 0.0),
    "Lactate": (9.0078, 0.0),
}
# Middle, spread of the logarithm, decimals.
_SHAPES = {
    "HR": (84, 0.2, 0),
    "Temp": (37, 0.02, 1),
    "SBP": (122, 0.18, 0),
    "Glucose": (128, 0.35, 0),
    "Creatinine": (1.1, 0.6, 2),
    "Hgb": (10.3, 0.18, 1),
    "Calcium": (8.4, 0.09, 1),
    "Lactate": (1.9, 0.6, 1),
}

Values = np.ndarray
Fault = Callable[[Values, np.random.Generator, str], Values | None]


def _unit(v: Values, rng: np.random.Generator, column: str) -> Values | None:
    factor = _FACTORS[column]
    if factor is None:
        return None
    return np.round(v * factor[0] + factor[1], 2 if factor[0] < 1 else 1)


def _stuck(v: Values, rng: np.random.Generator, column: str) -> Values:
    return np.where(rng.random(len(v)) < 0.3, np.round(np.quantile(v, 0.4), 1), v)


def _rounded(v: Values, rng: np.random.Generator, column: str) -> Values | None:
    largest = (np.quantile(v, 0.9) - np.quantile(v, 0.1)) / 5
    power = 10.0 ** np.floor(np.log10(largest))
    step = max(s for s in (power, 2 * power, 5 * power) if s <= largest)
    rounded = np.round(v / step) * step
    return rounded if np.mean(~np.isclose(rounded, v)) > 0.3 else None


FAULTS: dict[str, Fault] = {
    "none": lambda v, rng, c: v,
    "unit": _unit,
    "offset": lambda v, rng, c: np.round(v + 0.7 * _width(v), 2),
    "scale": lambda v, rng, c: np.round(v * 1.5, 2),
    "spread": lambda v, rng, c: np.round((v - np.median(v)) * 1.7 + np.median(v), 2),
    "precision": _rounded,
    "missing": lambda v, rng, c: np.where(rng.random(len(v)) < 0.25, np.nan, v),
    "stuck": _stuck,
    "placeholder": lambda v, rng, c: np.where(rng.random(len(v)) < 0.15, -1.0, v),
    "clipped": lambda v, rng, c: np.minimum(v, np.quantile(v, 0.8)),
    "cut_off": lambda v, rng, c: v[v <= np.quantile(v, 0.75)],
}


def _width(v: Values) -> float:
    return float(np.quantile(v, 0.84) - np.quantile(v, 0.16)) / 2


def tables(quick: bool) -> list[Table]:
    """For each size what was named first for each fault: how often, in per cent."""
    columns, source = _columns()
    sizes, seeds = ((1000,), 1) if quick else (SIZES, 20)
    found = confusion(columns, sizes, seeds, _profiled)
    return [
        _table(found, size, f"{source}; {len(columns)} columns, each drawn {seeds} times")
        for size in sizes
    ]


def confusion(
    columns: dict[str, Values],
    sizes: tuple[int, ...],
    seeds: int,
    summary: Callable[[str, Values, Any], Any],
) -> Counter[tuple[int, str, str]]:
    """How often each cause was named first, by (size, fault, cause).

    Args:
        columns: what faults are put into.
        summary: of a column's name and values, and of the reference's summary or None.
    """
    from clinical_assets.drift.diagnosis import diagnose_numbers

    found: Counter[tuple[int, str, str]] = Counter()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        for name, values in columns.items():
            before = summary(name, rng.choice(values, 10_000), None)
            for size in sizes:
                for fault, make in FAULTS.items():
                    after = make(rng.choice(values, size), rng, name)
                    if after is not None:
                        now = summary(name, after, before)
                        causes = diagnose_numbers(name, before[name], now[name])
                        found[size, fault, causes[0].kind if causes else "none"] += 1
    return found


def _profiled(name: str, values: Values, reference: Any) -> Any:
    import polars as pl

    from clinical_assets.drift.profiles import profile

    return profile(pl.DataFrame({name: values}).fill_nan(None), reference)


def _table(found: Counter[tuple[int, str, str]], size: int, source: str) -> Table:
    """A row for each fault; causes that were hardly ever named share a column."""
    mine = {(fault, cause): n for (s, fault, cause), n in found.items() if s == size}
    total = {fault: sum(n for (f, _), n in mine.items() if f == fault) for fault in FAULTS}
    others = sorted({cause for _, cause in mine} - set(FAULTS))
    causes = (*FAULTS, *others)
    rows = tuple(
        (fault, *(_percent(mine.get((fault, cause), 0), total[fault]) for cause in causes))
        for fault in FAULTS
        if total[fault]
    )
    title = f"Fault put in (row) and cause named first (column), per cent, {size:,} values"
    return Table(title, ("fault", *causes), rows, f"{source}; 10,000 values in the reference.")


def _percent(number: int, total: int) -> str:
    return f"{100 * number / total:.0f}" if number else "·"


def _columns() -> tuple[dict[str, Values], str]:
    """Real measurements where there are any at hand, else made ones of the same shape."""
    import polars as pl

    folder = Path(os.environ.get("CLINICAL_REAL_DATA", "../shared/data"))
    file = folder / "sepsis_physionet2019/hospital_a.parquet"
    if file.is_file():
        table = pl.read_parquet(file, columns=list(COLUMNS))
        return {n: table[n].drop_nulls().to_numpy() for n in COLUMNS}, "PhysioNet 2019, hospital A"
    rng = np.random.default_rng(0)
    made = {
        name: np.round(rng.lognormal(np.log(middle), spread, 50_000), decimals)
        for name, (middle, spread, decimals) in _SHAPES.items()
    }
    return made, "made, lognormal"
