"""A table's rows by site, ward or device: which group each row belongs to.

What belongs here: groups. What does not: windows of time (:mod:`.cutting`), what is compared in a
group (:mod:`.by`).
"""

import polars as pl

from clinical_assets.drift.kinds import demand_column
from clinical_assets.errors import ClinicalError

MOST = 200
NO_VALUE = "(no value)"
_ALIKE = r"\A'*\(no value\)'*\z"


def levels_of(frame: pl.LazyFrame, by: str, which: str) -> pl.Series:
    """The group of each row, as text; what has no value is in :data:`NO_VALUE`.

    Where a table has this very text, its group is the same in quotes, ``'(no value)'``; text in so
    many quotes gets one pair more, so that no two become one.

    Raises:
        ClinicalError: there is no such column, or it makes no groups.
    """
    schema = frame.collect_schema()
    demand_column(schema, by, which, "--by")
    if schema[by].is_nested() or schema[by].is_float() or schema[by] == pl.Binary:
        raise ClinicalError(
            f"{by!r} is of type {schema[by]}, which makes no groups",
            where="--by",
            repair="Choose a column of text or whole numbers",
        )
    text = pl.col(by).cast(pl.String)
    quoted = pl.when(text.str.contains(_ALIKE)).then(pl.format("'{}'", text)).otherwise(text)
    return frame.select(quoted.fill_null(NO_VALUE).alias(by)).collect().to_series()
