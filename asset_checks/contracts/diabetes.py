"""What is particular to the diabetes figures, beyond columns, types and ranges.

What belongs here: checks that need more than one column, or more than one row, of this dataset.
What holds for every table is in ``contracts/tables.py``.
"""

from typing import TYPE_CHECKING

import polars as pl

from asset_checks.contracts.tables import row_check
from clinical_assets.diabetes.dataset import COLUMNS

if TYPE_CHECKING:
    import pandera.polars as pa

YOUNGEST_PREGNANCY_YEARS = 10
"""Years before which no pregnancy is counted; the published figures leave 14 to 17 in every row."""

MEASUREMENTS = tuple(
    column.name for column in COLUMNS if column.name not in ("patient_id", "partition", "diabetes")
)


def diabetes_checks() -> "tuple[pa.Check, ...]":
    """The dataset's own rules, for the ``checks`` of :func:`asset_checks.contracts.contract`.

    * *pregnancies against age*: at most one pregnancy a year since the age of ten. It finds
      columns that were swapped and ages in another unit, which each pass their own range.
    * *contradictory outcome*: two rows agree in all seven measurements and differ in the outcome,
      which for seven measurements in physical units is one woman entered twice.
    """
    return (
        row_check(
            "pregnancies against age",
            f"rows with more than one pregnancy a year since age {YOUNGEST_PREGNANCY_YEARS}",
            lambda: pl.col("pregnancies_count") <= pl.col("age_years") - YOUNGEST_PREGNANCY_YEARS,
        ),
        row_check(
            "contradictory outcome",
            "rows with the same measurements as another row and another outcome",
            lambda: pl.col("diabetes").n_unique().over(MEASUREMENTS) == 1,
        ),
    )
