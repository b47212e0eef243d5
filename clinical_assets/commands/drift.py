"""``clinical drift``: how two tables differ.

Printing, prompts and exit codes only; the statistics are in ``clinical_assets.drift``.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from clinical_assets.commands.tables import new_console, new_table
from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from clinical_assets.drift.plan import Plan
    from clinical_assets.drift.result import ColumnDrift, Comparison, Statistic

_BAD_INPUT = 2


@click.command()
@click.argument("reference")
@click.argument("current")
@click.option("--columns", help="Only these, separated by commas.")
@click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="TOML file: thresholds.")
@click.option("--json", "json_out", type=click.Path(path_type=Path), help="Write JSON; - prints.")
def drift(
    reference: str,
    current: str,
    columns: str | None,
    plan_file: Path | None,
    json_out: Path | None,
) -> None:
    """Hold CURRENT against REFERENCE, column by column.

    Each is a CSV or Parquet file, a folder with a Delta table, a profile (`clinical profile`), or -
    for standard input. Exit code 0: no drift; 1: a column has drifted; 2: the input or the plan is
    bad.
    """
    from clinical_assets.drift import compare
    from resources.profile_files import open_side
    from resources.table_files import STDIN

    try:
        if reference == current == STDIN:
            raise ClinicalError(
                "Standard input cannot be both tables", repair="Name a file for one of them"
            )
        plan = _plan(plan_file, columns)
        found = compare(open_side(reference), open_side(current), plan)
    except ClinicalError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        raise SystemExit(_BAD_INPUT) from None
    text = json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False)
    if json_out is not None and str(json_out) == STDIN:
        click.echo(text)
    else:
        if json_out is not None:
            json_out.write_text(text + "\n")
        _show(found)
    raise SystemExit(1 if found.drifted else 0)


def _plan(file: Path | None, columns: str | None) -> "Plan":
    from clinical_assets.drift.plan import Plan, read_plan

    try:
        plan = read_plan(file.read_text(encoding="utf-8"), str(file)) if file else Plan()
    except (OSError, UnicodeDecodeError) as error:
        raise ClinicalError(
            f"The plan cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})",
            where=str(file),
            repair="Give a TOML file",
        ) from None
    names = [name.strip() for name in (columns or "").split(",")]
    return replace(plan, columns=tuple(filter(None, names))) if any(names) else plan


def _show(found: "Comparison") -> None:
    console = new_console()
    headings = ("column", "kind", "PSI", "KS", "Wasserstein", "missing", "verdict")
    table = new_table(headings, wrapped="column", right=headings[2:6])
    for column in sorted(found.columns, key=_importance):
        table.add_row(*_cells(column))
    console.print(table)
    drifted = sum(column.drifted for column in found.columns)
    console.print(
        f"{drifted} of {len(found.columns)} columns drifted,"
        f" {found.reference:,} rows against {found.current:,}."
    )
    if drifted or any(column.obstacle for column in found.columns):
        console.print(found.explain(), markup=False)


def _importance(column: "ColumnDrift") -> tuple[bool, float]:
    return (not column.drifted, -float(column.statistics.get("psi") or 0))


def _cells(column: "ColumnDrift") -> tuple[str, ...]:
    numbers = column.statistics
    before, after = numbers.get("missing_reference"), numbers.get("missing_current")
    missing = "–" if before is None or after is None else f"{before:.1%} → {after:.1%}"
    verdict = "not compared" if column.obstacle else ("drifted" if column.drifted else "–")
    shown = (_digits(numbers.get(name)) for name in ("psi", "ks", "wasserstein"))
    return (escape(column.name), column.kind, *shown, missing, verdict)


def _digits(value: "Statistic") -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) >= 10 else f"{value:.3f}"
