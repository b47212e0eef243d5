"""Ours: exact, from profiles, every statistic; and the floor."""

from collections.abc import Collection

from benchmarks.peers.protocol import Run, Way, main

EXACT = ("psi", "ks", "ks_pvalue")


def floor(run: Run) -> None:
    """Polars reads every column of both files and sums it (of text: the bytes)."""
    import polars as pl
    import polars.selectors as cs

    run.what = "nothing but reading every column and summing it"
    sums = cs.numeric().sum(), cs.string().str.len_bytes().sum()
    with run.part("computing"):
        for path in (run.reference, run.current):
            found = pl.scan_parquet(path).select(*sums).collect(engine="streaming")
            for name, value in found.row(0, named=True).items():
                run.note("sum", name, value)


def _compared(run: Run, statistics: Collection[str]) -> None:
    import polars as pl

    from clinical_assets.drift import compare

    with run.part("computing"):
        reference, current = (pl.scan_parquet(path) for path in (run.reference, run.current))
        found = compare(reference, current, statistics=statistics)
    for column in found.columns:
        for name in statistics:
            value = column.statistics.get(name)
            if value is not None:
                run.note(name, column.name, value)


def exact(run: Run) -> None:
    run.what = "exact KS with p-value of numbers, PSI of both"
    _compared(run, EXACT)


def everything(run: Run) -> None:
    from clinical_assets.drift.measure import STATISTICS

    run.what = "every statistic there is"
    _compared(run, STATISTICS)


def profiles(run: Run) -> None:
    """Both sides counted on the reference's grid, then compared without the rows."""
    import polars as pl

    from clinical_assets.drift import compare, profile

    run.what = "profiles of both sides, then every statistic that they allow"
    with run.part("computing"):
        reference = profile(pl.scan_parquet(run.reference))
        current = profile(pl.scan_parquet(run.current), reference)
        found = compare(reference, current)
    for column in found.columns:
        for name in EXACT:
            value = column.statistics.get(name)
            if value is not None:
                run.note(name, column.name, value)


WAYS: dict[str, Way] = {
    "floor": floor,
    "exact": exact,
    "profiles": profiles,
    "everything": everything,
}

if __name__ == "__main__":
    main(WAYS)
