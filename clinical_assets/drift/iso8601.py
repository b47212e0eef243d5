"""Dates and times that are written as text, in the forms of ISO 8601.

What belongs here: telling such text from other text, and reading it. What does not: which column is
one of times (:mod:`.cutting`), and files (``resources.table_files``). Forms in which day and month
may be mistaken for each other, such as 01/02/2026, are no times here.
"""

import polars as pl

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_WALL = rf"{_DAY}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,9}})?)?"
_SHAPES = tuple(
    f"^(?:{shape})$" for shape in (_DAY, _WALL, rf"{_WALL}(?:Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)")
)
_DAYS = "%Y-%m-%d"
_WALLS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_ZONED = (f"{_WALLS[0]}%#z", f"{_WALLS[1]}%#z")


def times_of(texts: pl.Series) -> pl.Series | None:
    """Dates or times; None where not every text is one, or some have an offset and others none.

    Returns:
        Dates where no text has a time of day, UTC where each has an offset.

    >>> times_of(pl.Series(["2026-03-01T08:00:00+02:00", "2026-03-01 06:30Z", None])).to_list()[1]
    datetime.datetime(2026, 3, 1, 6, 30, tzinfo=zoneinfo.ZoneInfo(key='UTC'))
    >>> times_of(pl.Series(["01/02/2026"])) is None
    True
    """
    for read in _READERS:
        found = read(texts)
        if found.null_count() == texts.null_count():
            return found
    return None


def strictly(texts: pl.Series) -> pl.Series:
    """The same as :func:`times_of` where each text is written in full, with all its zeros; else the
    texts. Other text costs next to nothing: the first value tells."""
    first = texts.drop_nulls().head(1) if texts.null_count() else texts.head(1)
    for shape in _SHAPES:
        if first.str.contains(shape).any():
            found = times_of(texts) if texts.str.contains(shape).all() else None
            return texts if found is None else found
    return texts


def first_other(texts: pl.Series) -> int:
    """The place of the first text that is no time, or none like most of them; from 0."""
    nearest = min((read(texts) for read in _READERS), key=pl.Series.null_count)
    return int((nearest.is_null() & texts.is_not_null()).arg_max() or 0)


def _days(texts: pl.Series) -> pl.Series:
    return texts.str.to_date(_DAYS, strict=False)


def _walls(texts: pl.Series) -> pl.Series:
    return _either(texts, _WALLS, None)


def _zoned(texts: pl.Series) -> pl.Series:
    return _either(texts, _ZONED, "UTC")


def _either(texts: pl.Series, forms: tuple[str, str], zone: str | None) -> pl.Series:
    joined = texts.str.replace(" ", "T", literal=True)
    first, second = forms
    found = joined.str.to_datetime(first, time_unit="us", time_zone=zone, strict=False)
    if found.null_count() == texts.null_count():
        return found
    other = joined.str.to_datetime(second, time_unit="us", time_zone=zone, strict=False)
    return found.zip_with(found.is_not_null(), other)


_READERS = (_days, _walls, _zoned)
