"""A comparison as one self-contained HTML page: no script, no outside resource.

What belongs here: what the page says, from the frozen result alone. What does not: statistics,
drawings (:mod:`.drawing`), reading the clock or a file: :class:`Origin` is handed in. Jinja2
escapes every text; the only markup let through is the SVG that was drawn here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clinical_assets.drift.distributions import Distribution
from clinical_assets.drift.drawing import drawn
from clinical_assets.drift.judging import Calibration
from clinical_assets.drift.page_parts import group_section, window_section
from clinical_assets.drift.parts import Part
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.result import ColumnDrift, Comparison
from clinical_assets.drift.sentences import Statistic, digits, magnitudes, only_missing
from clinical_assets.drift.thresholds.policy import title
from clinical_assets.small_cells import is_small
from clinical_assets.visible import visible, visible_name

CARDS = 150
_SHOWN = (
    ("psi", "PSI"),
    ("ks", "KS"),
    ("ks_pvalue", "p (KS)"),
    ("wasserstein", "Wasserstein"),
    ("jensen_shannon", "Jensen–Shannon"),
    ("hellinger", "Hellinger"),
    ("levels_pvalue", "p (χ²)"),
    ("new_levels", "new levels"),
    ("missing_pvalue", "p (missing)"),
)


@dataclass(frozen=True, slots=True)
class Input:
    """One of the two tables: its name, and what tells its bytes from others' (SHA-256, version)."""

    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a comparison comes from: its inputs, when it was made, with which versions."""

    reference: Input
    current: Input
    made_at: datetime
    versions: Mapping[str, str]


def render(
    found: Comparison,
    plan: Plan,
    origin: Origin,
    *,
    groups: Sequence[Part] = (),
    windows: Sequence[Part] = (),
    calibration: Calibration | None = None,
) -> str:
    """The page; the same result gives the same text.

    Args:
        found: made with ``distributions=True``, or nothing is drawn.
        groups, windows: parts of the current data, where it was parted.
        calibration: what the windows' thresholds rest on, where they are calibrated.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("clinical_assets.drift", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [group_section(groups)] if groups else []
    sections += [window_section(windows, calibration)] if windows else []
    page = _page(found, plan, origin) | {"parts": sections}
    return environment.get_template("page.html.j2").render(page=page).rstrip("\n") + "\n"


def _page(found: Comparison, plan: Plan, origin: Origin) -> dict[str, Any]:
    ranked = found.ranked()
    compared = [column for column in ranked if not column.obstacle]
    rows = [_row(column, f"c{i}" if i < CARDS else "") for i, column in enumerate(compared)]
    cards = [_card(column, row) for column, row in zip(compared[:CARDS], rows, strict=False)]
    unlike = [column for column in ranked if column.obstacle]
    return {
        "title": _title(compared),
        "made_at": origin.made_at.strftime("%Y-%m-%d %H:%M %Z"),
        "tiles": _tiles(found, compared, unlike),
        "rows": rows + [_row(column, "") for column in unlike],
        "cards": cards,
        "left_out": len(compared) - len(cards),
        "obstacles": [(visible_name(c.name), visible(c.obstacle)) for c in unlike],
        "plan": _plan(plan),
        "calibrated": plan.thresholds.kind == "calibrated",
        "inputs": _inputs(found, origin),
        "versions": ", ".join(f"{name} {value}" for name, value in origin.versions.items()),
    }


def _title(compared: Sequence[ColumnDrift]) -> str:
    drifted = sum(column.drifted for column in compared)
    if not drifted:
        return "No column has drifted"
    return f"{drifted} of {len(compared)} columns {'has' if drifted == 1 else 'have'} drifted"


def _tiles(
    found: Comparison, compared: Sequence[ColumnDrift], unlike: Sequence[ColumnDrift]
) -> list[tuple[str, str, str]]:
    return [
        ("verdict", "drift" if found.drifted else "no drift", "by the plan below"),
        ("reference", f"{found.reference:,}", "rows"),
        ("current data", f"{found.current:,}", "rows"),
        ("compared", f"{len(compared):,}", "columns"),
        ("not compared", f"{len(unlike):,}", "columns, listed below" if unlike else "columns"),
    ]


def _row(column: ColumnDrift, anchor: str) -> dict[str, str]:
    numbers = column.statistics
    (_, before, _), (_, after, _) = _missing(column)
    return {
        "name": visible_name(column.name),
        "anchor": anchor,
        "kind": column.kind,
        **{name: digits(numbers.get(name)) for name in ("psi", "ks", "wasserstein")},
        "missing": "–" if column.obstacle else f"{before} → {after}",
        "verdict": "not compared" if column.obstacle else "drifted" if column.drifted else "stable",
    }


def _card(column: ColumnDrift, row: dict[str, str]) -> dict[str, Any]:
    found = column.distribution
    drawing = drawn(column.name, found) if found is not None else ""
    reasons = ["; ".join(said) for said in (column.reasons, _size(column)) if said]
    return {
        "row": row,
        "drawing": drawing,
        "note": _note(column, found, drawing),
        "reasons": [f"{text[:1].upper()}{text[1:]}." for text in reasons],
        "causes": [visible(cause) for cause in column.causes],
        "numbers": [
            (label, _figure(name, column.statistics[name]) + _interval(name, column))
            for name, label in _SHOWN
            if column.statistics.get(name) is not None
        ],
        "missing": _missing(column),
    }


def _size(column: ColumnDrift) -> list[str]:
    missing = only_missing(column.reasons)
    return [] if missing else magnitudes(column.kind, column.statistics)


def _figure(name: str, value: Statistic) -> str:
    """A statistic as the card shows it: no false precision in a probability."""
    if name.endswith("_pvalue") and value is not None:
        return "< 0.001" if value < 0.001 else f"{value:.3f}"
    return f"{value:.1%}" if name == "new_levels" and value is not None else digits(value)


def _interval(name: str, column: ColumnDrift) -> str:
    return f" ({column.interval.short})" if name == "psi" and column.interval else ""


def _note(column: ColumnDrift, found: Distribution | None, drawing: str) -> str:
    if found is None:
        return "Nothing to draw: no side has a value." if not column.obstacle else ""
    if found.identifying:
        return (
            f"{found.unnamed:,} levels that look like identifiers or free text; none is named here."
        )
    for side, total in zip(("reference", "current data"), found.totals, strict=True):
        if not total:
            return f"The distributions cannot be compared: the {side} has no value."
    if not drawing:
        return "Too few values to be shown."
    outside = [a + b for a, b in zip(found.below, found.above, strict=True)]
    if not any(outside):
        return ""
    texts = [
        "fewer than 11 values" if is_small(n) else f"{n / t if t else 0.0:.1%}"
        for n, t in zip(outside, found.totals, strict=True)
    ]
    return f"Outside the drawing: {texts[0]} of the reference, {texts[1]} of the current data."


def _missing(column: ColumnDrift) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    before, after = (
        (side, "–" if share is None else f"{share:.1%}", f"{100 * (share or 0):.1f}")
        for side, share in (
            ("before", column.statistics.get("missing_reference")),
            ("after", column.statistics.get("missing_current")),
        )
    )
    return before, after


def _plan(plan: Plan) -> list[tuple[str, str]]:
    columns = ("columns", ", ".join(map(visible_name, plan.columns)) or "all")
    if plan.thresholds.kind == "calibrated":
        return [
            (
                "thresholds",
                "calibrated on the reference's own windows, for"
                f" {', '.join(map(title, plan.thresholds.statistics))} and missing values",
            ),
            ("false alarms", f"one in {plan.thresholds.days:g} days, over all columns together"),
            ("persistence", f"{plan.thresholds.persistence} windows"),
            columns,
        ]
    return [
        ("distribution", f"PSI of {plan.psi:g} or more, on {plan.bins} bins of equal reference"),
        ("missing values", f"a change by {100 * plan.missing:g} percentage points or more"),
        ("seldom measured", f"{plan.measured:g} times as often, or as seldom, as before"),
        (
            "new levels, out of range",
            f"{plan.levels:.1%} or more of the values, and more than chance explains",
        ),
        ("chance", f"false discovery rate of {plan.rate:g} (Benjamini and Hochberg)"),
        ("persistence", f"{plan.thresholds.persistence} windows"),
        columns,
    ]


def _inputs(found: Comparison, origin: Origin) -> list[dict[str, str]]:
    sides = (
        ("reference", origin.reference, found.reference),
        ("current data", origin.current, found.current),
    )
    return [
        {
            "role": role,
            "name": visible(given.name),
            "identity": given.identity,
            "rows": f"{rows:,}",
        }
        for role, given, rows in sides
    ]
