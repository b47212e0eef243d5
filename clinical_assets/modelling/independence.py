"""Whether training, calibration and test rows are of different patients (GML-04).

What belongs here: the verdict over a split manifest. What does not: making the split
(``modelling.split``). Identifiers catch a patient who was entered under one name; equal and
nearly equal measurements catch one who was entered under two. The searches are hash joins in an
in-memory DuckDB over distinct rows, so their cost grows with the rows and not with their square.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from clinical_assets.modelling.duplicates import count_matches, scales
from clinical_assets.modelling.records import Verdict
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.modelling.split import ROLES
from clinical_assets.modelling.tabular import located

NEAR_TOLERANCE = 0.05
"""Greatest difference of a near-duplicate in any column, in that column's standard deviations.

The two most alike of the 632 Pima rows are 0.16 apart in their most different measurement, those
of the 569 breast-mass rows 0.38: 0.05 is a third of what two true people were seen to differ by,
and still catches a copy that was disturbed in every column by less.
"""

MAXIMUM_NEAR_SHARE = 0.0
"""Greatest tolerated share of a role's rows that nearly equal a row of another role.

No two of the 632 Pima rows agree in more than four of seven measurements, so that one pair that
agrees in five is no chance. A use case with few or coarse columns, where strangers do agree, states
a share of its own; no proportion measured on the test rows can be wrong by more than that share
through rows seen in training.
"""


_ROW = "clinical row number"


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    measurements: dict[str, float | str | None] = field(default_factory=dict)


def judge_independence(
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    id_column: str,
    value_columns: Sequence[str],
    *,
    partition_column: str | None = None,
    near_tolerance: float = NEAR_TOLERANCE,
    maximum_near_share: float = MAXIMUM_NEAR_SHARE,
    gate: str = "split_independence",
) -> Verdict:
    """Whether no patient serves in two roles, by identifier and by measurements.

    Fails where a role is missing, empty or unknown; where split and dataset do not hold the same
    identifiers; where an identifier has two roles; where two rows of different
    roles agree in all ``value_columns``; and where more than ``maximum_near_share`` of a role's
    rows nearly equal a row of another role, that is either

    * agree in all value columns but one, of seven to sixteen columns but two (at least three of
      them present), or
    * differ in no numeric column by more than ``near_tolerance`` standard deviations and in no
      other column at all (missing where the other is missing, at least three numbers present).

    Args:
        dataset: the rows, with ``id_column`` and ``value_columns``.
        split: ``id_column`` and ``role`` (train, calibration or test), one row a patient or
            one for each row of ``dataset``.
        id_column: the patient's identifier.
        value_columns: the measurements; without the label, so that a copy of a row with another
            label is found too.
        partition_column: where given, the rows that it calls ``test`` must be exactly the test
            rows: the published split is kept.
        near_tolerance: in standard deviations of each column over the dataset.
        maximum_near_share: between 0 and 1.
        gate: the verdict's name.

    Returns:
        The verdict, with counts and row numbers of the dataset only: neither identifiers nor
        values.

    Raises:
        ValueError: a tolerance that is not a number from 0, or a share outside 0 to 1.
    """
    if not (0.0 <= near_tolerance < math.inf and 0.0 <= maximum_near_share <= 1.0):
        raise ValueError("near_tolerance must be at least 0 and maximum_near_share from 0 to 1")
    found = _Findings()
    absent = [
        f"{table} has no column {name!r}"
        for table, frame, names in (
            ("dataset", dataset, (id_column, *value_columns)),
            ("split", split, (id_column, "role")),
        )
        for name in names
        if name not in frame.columns
    ]
    if partition_column is not None and partition_column not in dataset.columns:
        absent.append(f"dataset has no column {partition_column!r}")
    if absent or not value_columns:
        problems = absent or ["no value columns are given to compare"]
        return Verdict(gate, False, _summary(problems), {})
    _judge_roles(split, found)
    _judge_coverage(dataset, split, id_column, found)
    _judge_identifiers(split, id_column, found)
    if partition_column is not None:
        _judge_partition(dataset, split, id_column, partition_column, found)
    single = (
        split.select(id_column, "role")
        .filter(pl.col("role").is_in(ROLES))
        .unique()
        .unique(id_column, keep="none")
    )
    rows = dataset.with_row_index(_ROW, offset=1).join(single, on=id_column, maintain_order="left")
    _judge_values(rows, value_columns, near_tolerance, maximum_near_share, found)
    if found.problems:
        return Verdict(gate, False, _summary(found.problems), found.measurements)
    counts = ", ".join(f"{int(found.measurements[f'{r}_rows'] or 0)} {r}" for r in ROLES)
    summary = f"No patient serves in two roles, by identifier or by measurements ({counts} rows)."
    return Verdict(gate, True, summary, found.measurements)


def judge_split(
    spec: ClinicalModel,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    *,
    near_tolerance: float = NEAR_TOLERANCE,
    maximum_near_share: float = MAXIMUM_NEAR_SHARE,
    gate: str = "independence",
) -> Verdict:
    """:func:`judge_independence` of a model's split: all columns but identifier, label and
    published partition are compared."""
    apart = (spec.id_column, spec.label.column, spec.partition_column)
    return judge_independence(
        dataset,
        split,
        spec.id_column,
        [column.name for column in spec.columns if column.name not in apart],
        partition_column=spec.partition_column,
        near_tolerance=near_tolerance,
        maximum_near_share=maximum_near_share,
        gate=gate,
    )


def _summary(problems: Sequence[str]) -> str:
    return "Training, calibration and test rows are not independent: " + "; ".join(problems) + "."


def _judge_roles(split: pl.DataFrame, found: _Findings) -> None:
    counts = dict(split.group_by("role").len().iter_rows())
    for role in ROLES:
        found.measurements[f"{role}_rows"] = float(counts.get(role, 0))
    empty = [role for role in ROLES if not counts.get(role)]
    if empty:
        found.problems.append(f"no rows have the role {' or '.join(empty)}")
    unknown = sum(count for role, count in counts.items() if role not in ROLES)
    if unknown:
        found.problems.append(f"{unknown} rows have a role other than {', '.join(ROLES)}")


def _judge_coverage(
    dataset: pl.DataFrame, split: pl.DataFrame, id_column: str, found: _Findings
) -> None:
    """Split and dataset hold the same identifiers, and the split none more often."""
    counts = {}
    for table, frame in (("dataset", dataset), ("split", split)):
        unnamed = frame.get_column(id_column).null_count()
        if unnamed:
            found.problems.append(f"{unnamed} rows of the {table} have no identifier")
        named = frame.filter(pl.col(id_column).is_not_null())
        counts[table] = named.group_by(pl.col(id_column).cast(pl.String)).len()
    both = counts["dataset"].join(counts["split"], on=id_column, how="full", coalesce=True)
    only_dataset = both.get_column("len_right").null_count()
    only_split = both.get_column("len").null_count()
    repeated = both.filter(
        (pl.col("len_right") > 1) & (pl.col("len_right") != pl.col("len"))
    ).height
    found.measurements["patients"] = float(counts["dataset"].height)
    found.measurements["without_role"] = float(only_dataset)
    found.measurements["not_in_dataset"] = float(only_split)
    if only_dataset:
        found.problems.append(f"{only_dataset} identifiers of the dataset have no role")
    if only_split:
        found.problems.append(f"{only_split} identifiers of the split are not in the dataset")
    if repeated:
        found.problems.append(
            f"{repeated} identifiers stand in the split neither once nor once a dataset row"
        )


def _judge_identifiers(split: pl.DataFrame, id_column: str, found: _Findings) -> None:
    named = split.filter(pl.col(id_column).is_not_null())
    roles = named.group_by(id_column).agg(pl.col("role").n_unique().alias("roles"))
    overlapping = roles.filter(pl.col("roles") > 1).height
    found.measurements["patients_in_two_roles"] = float(overlapping)
    if overlapping:
        noun = "patient serves" if overlapping == 1 else "patients serve"
        rows = named.with_row_index("row", offset=1).filter(
            pl.col("role").n_unique().over(id_column) > 1
        )
        where = located(rows.get_column("row").to_list(), rows.height, "row")
        found.problems.append(f"{overlapping} {noun} in more than one role ({where} of the split)")


def _judge_partition(
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    id_column: str,
    partition_column: str,
    found: _Findings,
) -> None:
    published = dataset.filter(pl.col(partition_column).cast(pl.String) == "test")
    expected = set(published.get_column(id_column))
    actual = set(split.filter(pl.col("role") == "test").get_column(id_column))
    moved = len(expected ^ actual)
    found.measurements["moved_from_published_split"] = float(moved)
    if moved:
        found.problems.append(f"{moved} identifiers are not in the part that was published")


def _judge_values(
    rows: pl.DataFrame,
    columns: Sequence[str],
    tolerance: float,
    maximum_share: float,
    found: _Findings,
) -> None:
    """Equal and nearly equal rows between each two roles; a share counts the later role's rows."""
    unit = scales(rows, columns)
    found.measurements["near_tolerance_sd"] = tolerance
    found.measurements["maximum_near_share"] = maximum_share
    for first, second in combinations(ROLES, 2):
        earlier = rows.filter(pl.col("role") == first)
        later = rows.filter(pl.col("role") == second)
        if earlier.is_empty() or later.is_empty():
            continue
        matches = count_matches(earlier, later, columns, tolerance=tolerance, scale=unit)
        share = matches.near / later.height
        found.measurements[f"{second}_rows_equal_to_{first}"] = float(matches.exact)
        found.measurements[f"{second}_rows_nearly_equal_to_{first}"] = float(matches.near)
        if matches.exact:
            found.problems.append(
                f"{second} rows with the same measurements as a {first} row: {matches.exact}"
                f" ({_dataset_rows(later, matches.exact_rows)})"
            )
        if share > maximum_share:
            found.problems.append(
                f"{second} rows nearly equal to a {first} row: {matches.near} of {later.height},"
                f" more than the share of {maximum_share:g} that is tolerated"
                f" ({_dataset_rows(later, matches.near_rows)})"
            )


def _dataset_rows(rows: pl.DataFrame, numbers: Sequence[int]) -> str:
    found = rows.get_column(_ROW).gather(list(numbers)).to_list()
    return located(found, len(found), "row") + " of the dataset"
