"""``clinical drift``: how two tables differ.

Options, order of work and exit codes only; the statistics are in ``clinical_assets.drift``, what is
printed in ``drift_show.py``, what is written in ``drift_outputs.py``.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clinical_assets.commands.drift_found import Found
from clinical_assets.commands.listed import listed_names
from clinical_assets.commands.mistakes import demand_standard_output, ends_with, printing
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible, visible_name

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.commands.drift_outputs import Outputs
    from clinical_assets.drift.plan import Plan
    from clinical_assets.drift.profiles import Profile
    from clinical_assets.drift.result import Comparison

_BAD_INPUT = 2
_NAMED = 10
_OUT = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class Parting:
    """How the current data are parted, as the options say."""

    by: str | None
    whole: bool
    time: str | None
    every: str | None


@click.command()
@click.argument("reference")
@click.argument("current")
@click.option("--columns", help='Only these, separated by commas; "a,b" is one.')
@click.option("--plan", "plan_file", type=_OUT, help="TOML file: thresholds.")
@click.option("--unit", help="Column that tells which rows belong together, such as patient_id.")
@click.option("--by", help="Column of sites, wards or devices: each is compared for itself.")
@click.option("--whole", is_flag=True, help="With --by: each group against the whole reference.")
@click.option("--time", help="Column of times: CURRENT is compared window by window.")
@click.option("--every", help="With --time: length of a window, such as 1d, 1w or 1mo.")
@click.option("--json", "json_out", type=_OUT, help="Write JSON; - prints it.")
@click.option("--html", "html_out", type=_OUT, help="Write a page with drawings.")
@click.option("--evidently", "evidently_out", type=_OUT, help="Write Evidently's report, too.")
@click.option(
    "--sample",
    default=10_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="With --evidently: rows a side.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of all that is drawn.",
)
@ends_with(_BAD_INPUT)
def drift(
    reference: str,
    current: str,
    columns: str | None,
    plan_file: Path | None,
    unit: str | None,
    by: str | None,
    whole: bool,
    time: str | None,
    every: str | None,
    json_out: Path | None,
    html_out: Path | None,
    evidently_out: Path | None,
    sample: int,
    seed: int,
) -> None:
    """Hold CURRENT against REFERENCE, column by column.

    Each is a CSV or Parquet file, a folder with a Delta table, a profile (`clinical profile`), or -
    for standard input. Exit code 0: no drift; 1: a column has drifted, in all rows or in a group or
    window; 2: the input or the plan is bad, a column cannot be compared, or an output cannot be
    written.
    """
    from clinical_assets.commands.drift_outputs import Outputs
    from clinical_assets.commands.drift_show import show

    outputs = Outputs(reference, current, json_out, html_out, evidently_out, sample, seed)
    demand_standard_output()
    outputs.check(plan_file)
    plan = _plan(plan_file, columns, unit)
    found, said = _work(outputs, plan, Parting(by, whole, time, every))
    if not outputs.json_is_printed:
        with printing():
            show(found)
            for line in said:
                click.echo(line)
    if unlike := _unlike(found.whole, (by, time, plan.unit)):
        raise unlike
    raise SystemExit(1 if found.drifted else 0)


def _unlike(found: "Comparison", parting: "tuple[str | None, ...]") -> ClinicalError | None:
    """What is to be said of columns that cannot be compared; no drift must not be read there.

    Of identifiers a profile holds how many are missing, which is compared, and nothing else.
    """
    left = [c for c in found.columns if c.obstacle and not c.statistics and c.name not in parting]
    if not left:
        return None
    named = "; ".join(f"{visible_name(c.name)}: {visible(c.obstacle)}" for c in left[:_NAMED])
    more = f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    number = "1 column" if len(left) == 1 else f"{len(left)} columns"
    return ClinicalError(
        f"{number} cannot be compared ({named}{more})",
        repair="Give both tables the same columns and types, or choose some with --columns",
    )


def _work(outputs: "Outputs", plan: "Plan", parting: Parting) -> tuple[Found, list[str]]:
    """Compares and writes.

    Raises:
        ClinicalError: of an input, the plan, an option or an output.
    """
    import polars as pl

    from clinical_assets.drift import compare
    from clinical_assets.drift.unit_codes import unit_hint
    from resources.drift_inputs import open_input

    calibrated = plan.thresholds.kind == "calibrated"
    _demand_sense(outputs, plan, parting)
    opened = open_input(outputs.reference), open_input(outputs.current)
    sides = opened[0].data, opened[1].data
    tables = _tables(*sides)
    if tables is None and (parting.by or parting.time or outputs.evidently):
        raise ClinicalError(
            "A profile holds no rows, so it cannot be parted by --by or --time, nor shown by"
            " --evidently",
            repair="Give the tables; or profile each group or day by itself",
        )
    drawn, by = outputs.html is not None, parting.by or ""
    try:
        whole = compare(*sides, plan, distributions=drawn, by=by, judged=not calibrated)
        found = Found(whole)
        if tables is not None:
            found = _parted(found, *tables, plan, parting, outputs.seed)
        said = outputs.write(found, plan, opened, tables)
        if tables is not None and not plan.unit and not parting.time:
            said += unit_hint(*tables)
        return found, said
    except BrokenPipeError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        # The library's own words may quote a patient's value.
        raise ClinicalError(
            f"A table cannot be read to its end ({type(error).__name__})",
            where=f"{outputs.reference}, {outputs.current}",
            repair="Copy it again from where it came",
        ) from error


def _demand_sense(outputs: "Outputs", plan: "Plan", parting: Parting) -> None:
    """Refuses what does not go together, whatever the tables.

    Raises:
        ClinicalError: there is such.
    """
    from clinical_assets.drift.decide import require_no_unit, require_no_windows

    for name, needs in ((parting.whole, parting.by), (parting.every, parting.time)):
        if name and not needs:
            raise ClinicalError(
                "--whole goes with --by, and --every with --time",
                repair="Name the column, or leave the option out",
            )
    if outputs.reference == outputs.current == "-":
        raise ClinicalError(
            "Standard input cannot be both tables", repair="Name a file for one of them"
        )
    if plan.thresholds.kind == "calibrated" and parting.by:
        raise ClinicalError(
            "Calibrated thresholds hold for windows of all rows, not for groups",
            repair="Leave --by out, or give constant thresholds",
        )
    if not parting.time:
        require_no_windows(plan)
    else:
        require_no_unit(plan, parting.time)


def _tables(*sides: "Profile | pl.LazyFrame") -> "tuple[pl.LazyFrame, pl.LazyFrame] | None":
    """Both sides if both are tables."""
    import polars as pl

    reference, current = sides
    if isinstance(reference, pl.LazyFrame) and isinstance(current, pl.LazyFrame):
        return reference, current
    return None


def _parted(
    found: Found,
    reference: "pl.LazyFrame",
    current: "pl.LazyFrame",
    plan: "Plan",
    parting: Parting,
    seed: int,
) -> Found:
    from clinical_assets.drift.by import compare_groups
    from clinical_assets.drift.mixing import Mix
    from clinical_assets.drift.windows import over_time, with_windows

    if parting.by:
        groups = compare_groups(
            reference,
            current,
            parting.by,
            plan,
            whole=parting.whole,
            without=(parting.time,) if parting.time else (),
        )
        found = replace(found, groups=groups)
    if parting.time:
        over = over_time(
            reference, current, parting.time, plan, every=parting.every or "", seed=seed
        )
        whole = _without(found.whole, parting.time)
        mix = Mix(reference, current, parting.by or "", plan.context) if plan.context else None
        whole = with_windows(whole, over, reference, current, mix)
        calibration = over.calibration
        found = replace(found, whole=whole, windows=over.windows, calibration=calibration)
    return found


def _without(found: "Comparison", time: str) -> "Comparison":
    """The same without a verdict on time, which is later in later data."""
    from clinical_assets.drift.result import ColumnDrift

    return replace(
        found,
        columns=tuple(
            ColumnDrift(c.name, c.kind, {}, obstacle="it tells the windows apart")
            if c.name == time
            else c
            for c in found.columns
        ),
    )


def _plan(file: Path | None, columns: str | None, unit: str | None) -> "Plan":
    from clinical_assets.drift.plan import Plan, read_plan

    try:
        plan = read_plan(file.read_text(encoding="utf-8"), str(file)) if file else Plan()
    except (OSError, UnicodeDecodeError) as error:
        raise ClinicalError(
            f"The plan cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})",
            where=str(file),
            repair="Give a TOML file",
        ) from None
    names = listed_names(columns or "")
    if columns is not None and not names:
        raise ClinicalError(
            "It names nothing", where="--columns", repair="Name some, or leave it out"
        )
    if unit == "":
        raise ClinicalError("It names nothing", where="--unit", repair="Name one, or leave it out")
    plan = replace(plan, unit=unit) if unit else plan
    return replace(plan, columns=names) if names else plan
