"""``clinical profile``: a table counted once, so that it can be compared without it.

Printing and exit codes only; profiles are made in ``clinical_assets.drift.profiles``.
"""

from pathlib import Path

import click

from clinical_assets.errors import ClinicalError

_BAD_INPUT = 2


@click.command()
@click.argument("table")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The profile's file."
)
@click.option("--reference", help="A profile, against which this one shall be held or added to.")
@click.option("--columns", help="Only these, separated by commas.")
def profile(table: str, output: Path, reference: str | None, columns: str | None) -> None:
    """Count TABLE once, for `clinical drift` and for adding up.

    TABLE is a CSV or Parquet file, a folder with a Delta table, or - for standard input. A profile
    holds no rows, but it names frequent levels of categories, and values where a column has few:
    leave out with --columns what tells patients apart. Exit code 2: the input is bad.
    """
    from clinical_assets.drift import profile as profiled
    from resources.profile_files import open_profile, write_profile
    from resources.table_files import STDIN, open_table
    from resources.written_files import check_output

    names = tuple(filter(None, (name.strip() for name in (columns or "").split(","))))
    try:
        check_output(output, [name for name in (table, reference) if name and name != STDIN])
        known = open_profile(reference) if reference else None
        made = profiled(open_table(table), known, columns=names)
        if known is not None and all(getattr(s, "obstacle", "") for s in made.summaries.values()):
            raise ClinicalError(
                "No column of the table can be profiled like one of the reference",
                where=table,
                repair="Give a table with the reference's columns",
            )
        size = write_profile(made, output)
    except ClinicalError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        raise SystemExit(_BAD_INPUT) from None
    click.echo(f"{output}: {made.rows:,} rows, {len(made.columns)} columns, {size:,} bytes.")
    for name, summary in made.summaries.items():
        if why := getattr(summary, "obstacle", ""):
            click.echo(f"{name}: not profiled, {why}.")
