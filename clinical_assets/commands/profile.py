"""``clinical profile``: a table counted once, so that it can be compared without it.

Options, printing and exit codes only; profiles are made in ``clinical_assets.drift.profiles``, and
kept by day and site in ``resources/profile_store.py``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clinical_assets.commands.listed import listed_names
from clinical_assets.commands.mistakes import ends_with, printing
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.drift import Profile
    from resources.profile_store import Put
    from resources.store_obstacles import Key
    from resources.store_settings import Parting

_BAD_INPUT = 2
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options ask for."""

    inputs: tuple[str, ...]
    output: Path
    reference: str | None
    columns: tuple[str, ...]
    moments: bool
    time: str | None
    every: str | None
    by: str | None
    replace: bool
    since: str
    until: str
    sites: frozenset[str]


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The profile's file; with --time, the folder of the store.",
)
@click.option("--reference", help="A profile, against which this one shall be held or added to.")
@click.option("--columns", help='Only these, separated by commas; "a,b" is one.')
@click.option("--moments", is_flag=True, help="Keep pairwise moments, for drift of correlations.")
@click.option("--time", help="Column of times: into a store, a profile for each day.")
@click.option("--every", help="With --time: 1h, 1d, 1w, 1mo or multiples instead of days.")
@click.option("--by", help="With --time: column of sites; a profile for each.")
@click.option(
    "--replace", is_flag=True, help="With --time: in the place of the same days and sites."
)
@click.option(
    "--since",
    default="",
    help="Of a store: from this day on, as 2026-01-31, or hour, as 2026-01-31 08:00.",
)
@click.option("--until", default="", help="Of a store: before this day or hour.")
@click.option("--sites", help="Of a store: only these sites, separated by commas.")
@ends_with(_BAD_INPUT)
def profile(
    inputs: tuple[str, ...],
    output: Path,
    reference: str | None,
    columns: str | None,
    moments: bool,
    time: str | None,
    every: str | None,
    by: str | None,
    replace: bool,
    since: str,
    until: str,
    sites: str | None,
) -> None:
    """Count each INPUT once, for `clinical drift` and for adding up.

    An INPUT is a CSV or Parquet file, a folder with a Delta table, - for standard input, a profile,
    or a store of profiles; several are added up. With --time a store by day (and site) is begun or
    added to, of which any days and sites can be added up without the table.

    A profile holds no rows, but it names frequent levels of categories, and values where a column
    has few: leave out with --columns what tells patients apart. Exit code 2: the input is bad.
    """
    import polars as pl

    try:
        wish = Wish(
            inputs,
            output,
            reference,
            _names("--columns", columns),
            moments,
            time,
            every,
            by,
            replace,
            since,
            until,
            frozenset(_names("--sites", sites)),
        )
        _demand_sense(wish)
        if wish.time:
            _into_store(wish, wish.time)
        else:
            _into_file(wish)
    except BrokenPipeError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        # The library's own words may quote a patient's value.
        raise ClinicalError(
            f"A table cannot be read to its end ({type(error).__name__})",
            where=", ".join(inputs),
            repair="Copy it again from where it came",
        ) from error


def _names(option: str, listed: str | None) -> tuple[str, ...]:
    names = listed_names(listed or "")
    if listed is not None and not names:
        raise ClinicalError("It names nothing", where=option, repair="Name some, or leave it out")
    return names


def _demand_sense(wish: Wish) -> None:
    from resources.table_files import STDIN

    if not wish.time and (wish.every or wish.by or wish.replace):
        raise ClinicalError(
            "--every, --by and --replace go with --time", repair="Name the column of times"
        )
    if wish.time and (wish.since or wish.until or wish.sites):
        raise ClinicalError(
            "--since, --until and --sites choose from a store; with --time one is made",
            repair="Leave them out, and choose when it is read",
        )
    if wish.inputs.count(STDIN) > 1:
        raise ClinicalError("Standard input can be one table only", repair="Name files")
    if len({str(Path(name).resolve()) for name in wish.inputs}) < len(wish.inputs):
        raise ClinicalError("An input is named twice", repair="Name each once")


def _into_file(wish: Wish) -> None:
    from clinical_assets.drift import merged
    from resources.profile_files import open_profile, write_profile
    from resources.table_files import STDIN
    from resources.written_files import check_output

    _demand_outside(wish.output)
    check_output(wish.output, [n for n in (*wish.inputs, wish.reference) if n and n != STDIN])
    known = open_profile(wish.reference) if wish.reference else None
    parts: list[Profile] = []
    for name in wish.inputs:
        # The first of several is the reference of the others, so that they add up.
        parts.append(_one(wish, name, known or (parts[0] if parts else None)))
    made = merged(parts)
    size = write_profile(made, wish.output)
    with printing():
        click.echo(
            f"{wish.output}: {made.rows:,} rows, {len(made.columns)} columns, {size:,} bytes."
        )
    _say_obstacles(made)


def _one(wish: Wish, name: str, known: "Profile | None") -> "Profile":
    from clinical_assets.drift import Profile
    from clinical_assets.drift import profile as profiled
    from resources.drift_inputs import open_input
    from resources.profile_store import ProfileStore
    from resources.store_settings import is_store

    if is_store(Path(name)):
        return ProfileStore(Path(name)).over(wish.since, wish.until, wish.sites)
    if wish.since or wish.until or wish.sites:
        raise ClinicalError(
            "--since, --until and --sites choose from a store, which this is not",
            where=name,
            repair="Give a store, as --time makes it",
        )
    side = open_input(name).data
    if isinstance(side, Profile):
        return side
    made = profiled(side, known, columns=wish.columns, moments=wish.moments)
    _demand_likeness(made, name, known)
    return made


def _demand_outside(output: Path) -> None:
    """Whatever profile lies in a store's folder counts as one of its parts."""
    from resources.store_settings import store_around

    if store := store_around(output):
        raise ClinicalError(
            f"The output would lie in the store {store}, and count as one of its parts",
            where=str(output),
            repair="Name a file or a folder elsewhere",
        )


def _into_store(wish: Wish, time: str) -> None:
    from resources.profile_store import ProfileStore
    from resources.store_paths import demand_names
    from resources.table_files import open_table

    _demand_outside(wish.output)
    tables = {name: open_table(name) for name in wish.inputs}
    parting = _parting(wish, time, tables)
    known = _reference(wish, time, tables)
    parts = _counted(tables.values(), known, parting, moments=wish.moments)
    # All is counted before the store is begun, so that bad input leaves no folder behind.
    demand_names(wish.output, parts)
    store = ProfileStore.begun(wish.output, known, parting, given=bool(wish.reference))
    if store.reference.grid != known.grid:  # another process began it meanwhile
        if wish.columns and set(store.reference.columns) != set(known.columns):
            raise _other_columns()
        parts = _counted(tables.values(), store.reference, parting, moments=wish.moments)
    put = store.put(parts, replace=wish.replace)
    rows = sum(part.rows for part in parts.values())
    times, every = len({day for day, _ in parts}), parting.every
    with printing():
        click.echo(f"{wish.output}: {rows:,} rows of {times:,} × {every}, {len(parts):,} profiles.")
    _say_parts(parts, put, parting)


def _parting(wish: Wish, time: str, tables: "Mapping[str, pl.LazyFrame]") -> "Parting":
    from clinical_assets.drift.cutting import zone_of
    from resources.store_settings import Parting

    zones = {name: zone_of(table, time) for name, table in tables.items()}
    if len(set(zones.values())) > 1:
        told = ", ".join(f"{name}: {zone or 'none'}" for name, zone in zones.items())
        raise ClinicalError(
            "The times of the inputs are not in one zone",
            where=told,
            repair="Write them in one zone, or give each input a store of its own",
        )
    return Parting(time, wish.by or "", wish.every or "1d", zones[wish.inputs[0]])


def _reference(wish: Wish, time: str, tables: "Mapping[str, pl.LazyFrame]") -> "Profile":
    """The one that is named, or that of the store, or else the first table."""
    from clinical_assets.drift import profile as profiled
    from resources.profile_files import open_profile
    from resources.profile_store import ProfileStore
    from resources.store_settings import is_store

    if wish.columns and (wish.reference or is_store(wish.output)):
        raise _other_columns()
    if wish.reference:
        return open_profile(wish.reference)
    if is_store(wish.output):
        return ProfileStore(wish.output).reference
    table = tables[wish.inputs[0]]
    columns = wish.columns or tuple(c for c in table.collect_schema() if c != time)
    return profiled(table, columns=columns)


def _other_columns() -> ClinicalError:
    return ClinicalError(
        "A store has the columns of its reference",
        where="--columns",
        repair="Choose them when the reference is made",
    )


def _counted(
    tables: "Iterable[pl.LazyFrame]", known: "Profile", parting: "Parting", *, moments: bool
) -> "dict[Key, Profile]":
    """The parts of all tables together, so that a day that is in several has the rows of all."""
    from clinical_assets.drift.profiles import profiles_by

    time, by, every = parting.time, parting.by, parting.every
    found: dict[Key, Profile] = {}
    for table in tables:
        for key, part in profiles_by(table, known, time, by, every=every, moments=moments).items():
            found[key] = found[key].merge(part) if key in found else part
    return found


def _say_parts(parts: "Mapping[Key, Profile]", put: "Put", parting: "Parting") -> None:
    from resources.store_obstacles import obstacles
    from resources.store_paths import named

    for name, (why, key) in obstacles(parts).items():
        first = f", first {named(key, parting)}" if key else ""
        click.echo(visible(f"{name}: not profiled, {why}{first}."))
    for name, key in put.lost.items():
        gone = f"not in the table, so the counts of before are gone, first {named(key, parting)}"
        click.secho(visible(f"Warning: {name} is {gone}."), fg="yellow", err=True)
    if put.fewer:
        key, (before, now) = next(iter(put.fewer.items()))
        more = f" (and {len(put.fewer) - 1:,} more such)" if len(put.fewer) > 1 else ""
        fewer = f"{named(key, parting)} had {before:,} rows and has {now:,} now{more}"
        gone = "rows of another call are gone if this one did not have them, too"
        click.secho(visible(f"Warning: {fewer}; {gone}."), fg="yellow", err=True)
    if put.kept:
        told = "; ".join(named(key, parting) for key in put.kept[:_NAMED])
        more = f"; and {len(put.kept) - _NAMED:,} more" if len(put.kept) > _NAMED else ""
        words = "Kept as it was, because the input has no row of that day and site"
        click.echo(visible(f"{words}: {told}{more}."))


def _demand_likeness(made: "Profile", name: str, known: "Profile | None") -> None:
    if known is not None and all(getattr(s, "obstacle", "") for s in made.summaries.values()):
        raise ClinicalError(
            "No column of the table can be profiled like one of the reference",
            where=name,
            repair="Give a table with the reference's columns",
        )


def _say_obstacles(made: "Profile") -> None:
    for name, summary in made.summaries.items():
        if why := getattr(summary, "obstacle", ""):
            click.echo(visible(f"{name}: not profiled, {why}."))
