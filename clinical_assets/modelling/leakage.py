"""Whether the estimator's inputs know something that they cannot know at the time of use.

What belongs here: the verdict over derived features and the recipe, found by doing it again with
parts of the data changed. What does not: leakage by rows, which is ``modelling.independence``.

Each check answers one way of leaking in the taxonomy of Kaufman et al. 2012 (*Leakage in data
mining*, ACM TKDD 6:15): the outcome among the inputs, a stand-in for the outcome, a statistic
over rows that a single patient's row does not hold, and preprocessing fitted on test rows.
"""

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.features import apply_recipe, fit_recipe, rows_with_role
from clinical_assets.modelling.own_code import derive_features
from clinical_assets.modelling.records import FeatureRecipe, Verdict
from clinical_assets.modelling.spec import ClinicalModel

MAXIMUM_AUROC = 0.98
"""Greatest credible area for one feature alone, in either direction, held against its lower limit.

A feature that separates almost perfectly is more likely a consequence of the outcome than a sign
of it. Glucose, the strongest single measurement of the Pima figures, reaches 0.78. True
measurements can come close to the limit: a cell nucleus' greatest perimeter tells malignant from
benign breast masses with 0.975, and on random halves of those rows with up to 0.99. So the lower
end of the 95 % interval is compared, which no half of them exceeds, and a perfect separation does.
"""

_RELATIVE = 1e-9  # libraries may differ in the last bits of a logarithm between batch sizes
_SINGLE_ROWS = 16


def judge_leakage(
    spec: ClinicalModel,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    features: pl.DataFrame,
    recipe: FeatureRecipe,
    *,
    maximum_auroc: float = MAXIMUM_AUROC,
    seed: int = 0,
    gate: str = "no_target_leakage",
) -> Verdict:
    """Whether neither the outcome nor the test rows can be read from the inputs.

    Fails where the label, the identifier or the partition is an input; where an input equals the
    label or its opposite; where one input separates the training rows, in either direction, with
    an area under the ROC curve whose lower 95 % limit is above ``maximum_auroc``; where
    ``spec.derive`` answers differently for a part of the rows, for single rows, or when the label
    or the partition is changed; where the recipe is not the one that the training rows alone
    give; where changing the test rows changes the features of training rows; and where
    ``features`` is not what ``derive`` and ``recipe`` make of ``dataset``, with the roles of
    ``split``. Evidence that is missing fails.

    Args:
        spec: the model's declaration.
        dataset: the rows that ``features`` were made of.
        split: ``spec.id_column`` and ``role``.
        features: ``spec.id_column``, ``role``, the label and ``spec.inputs``.
        recipe: the imputation in use.
        maximum_auroc: see :data:`MAXIMUM_AUROC`; a model whose single measurements truly separate
            better states its own limit.
        seed: of the subsets that ``derive`` is tried on.
        gate: the verdict's name.

    Returns:
        The verdict, with counts and areas only.
    """
    measurements: dict[str, float | str | None] = {}
    problems = list(_shape_problems(spec, dataset, split, features))
    if not problems:
        problems += _names(spec, recipe)
        problems += _separation(spec, features, maximum_auroc, measurements)
        try:
            problems += _row_wise(spec, dataset, seed)
            problems += _blind(spec, dataset)
            problems += _fitted(spec, dataset, split, features, recipe, measurements)
        except ClinicalError as error:
            problems.append(f"the features could not be derived again: {error.what}")
        except Exception as error:  # its message may quote a value, so only its type is shown
            problems.append(f"the features could not be derived again ({type(error).__name__})")
    if problems:
        summary = "The inputs may leak the outcome or the test rows: " + "; ".join(problems) + "."
        return Verdict(gate, False, summary, measurements)
    strongest = measurements["strongest_input"]
    area = measurements["strongest_auroc"]
    summary = (
        f"Neither the outcome nor the test rows can be read from the {len(spec.inputs)} inputs."
        f" The strongest alone, {strongest}, has an area of {area:.3f} on the training rows."
    )
    return Verdict(gate, True, summary, measurements)


def _shape_problems(
    spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame, features: pl.DataFrame
) -> Iterator[str]:
    needed = {
        "dataset": (dataset, [column.name for column in spec.columns]),
        "split": (split, [spec.id_column, "role"]),
        "features": (features, [spec.id_column, "role", spec.label.column, *spec.inputs]),
    }
    for table, (frame, names) in needed.items():
        missing = [name for name in names if name not in frame.columns]
        if missing:
            yield f"the {table} table has no column {', '.join(missing)}"
        elif frame.is_empty():
            yield f"the {table} table has no rows"
        elif table == "features":
            training = frame.filter(pl.col("role") == "train").get_column(spec.label.column)
            if training.drop_nulls().n_unique() < 2:
                yield "the training rows do not hold both outcomes, so nothing can be judged"


def _names(spec: ClinicalModel, recipe: FeatureRecipe) -> Iterator[str]:
    forbidden = (spec.label.column, spec.id_column, spec.partition_column, "role")
    for name in dict.fromkeys((*spec.inputs, *recipe.features)):
        if name in forbidden:
            yield f"input {name!r} is the label, the identifier or the split"


def _separation(
    spec: ClinicalModel,
    features: pl.DataFrame,
    maximum: float,
    measurements: dict[str, float | str | None],
) -> Iterator[str]:
    """Inputs that equal the label, or that separate the training rows too well."""
    label = features.get_column(spec.label.column).cast(pl.Float64)
    training = features.filter(pl.col("role") == "train")
    outcome = training.get_column(spec.label.column).cast(pl.Boolean)
    areas: dict[str, float] = {}
    for name in spec.inputs:
        values = features.get_column(name).cast(pl.Float64)
        if values.is_null().any() or values.is_nan().any():
            yield f"input {name!r} has missing values, so its separation cannot be judged"
            continue
        if (values == label).all() or (values == 1.0 - label).all():
            yield f"input {name!r} equals the label"
        area = single_auroc(training.get_column(name).cast(pl.Float64), outcome)
        areas[name] = area
        lower = area - 1.96 * auroc_standard_error(area, int(outcome.sum()), outcome.len())
        if not lower <= maximum:
            yield (
                f"input {name!r} alone separates the training rows with an area of {area:.3f}"
                f" (lower 95 % limit {lower:.3f}), above {maximum:g}"
            )
    strongest = max(areas, key=lambda name: areas[name], default=None)
    measurements["strongest_input"] = strongest
    measurements["strongest_auroc"] = None if strongest is None else areas[strongest]
    measurements["maximum_auroc"] = maximum


def single_auroc(values: pl.Series, outcome: pl.Series) -> float:
    """Area under the ROC curve of one feature, whichever direction is better: 0.5 to 1.

    The Mann–Whitney statistic with midranks for ties (Hanley & McNeil 1982).

    >>> single_auroc(pl.Series([1.0, 2.0, 3.0, 4.0]), pl.Series([True, False, True, False]))
    0.75
    """
    positives = int(outcome.sum())
    negatives = outcome.len() - positives
    ranks = float(values.rank("average").filter(outcome).sum())
    area = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return max(area, 1.0 - area)


def auroc_standard_error(area: float, positives: int, rows: int) -> float:
    """Standard error of an area under the ROC curve (Hanley & McNeil 1982, formula 1).

    >>> auroc_standard_error(1.0, 85, 240)
    0.0
    >>> round(auroc_standard_error(0.8, 85, 240), 4)
    0.0318
    """
    negatives = rows - positives
    q1 = area / (2.0 - area)
    q2 = 2.0 * area**2 / (1.0 + area)
    variance = (
        area * (1.0 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    ) / (positives * negatives)
    return math.sqrt(max(variance, 0.0))


def _row_wise(spec: ClinicalModel, dataset: pl.DataFrame, seed: int) -> Iterator[str]:
    """``derive`` gives a row the same features whatever rows stand beside it, in whatever order."""
    whole = _derived(spec, dataset)
    if whole.height != dataset.height:
        yield f"derive gives {whole.height} rows for {dataset.height}"
        return
    order = np.random.default_rng(seed).permutation(dataset.height)
    half = max(1, dataset.height // 2)
    parts = [order, order[:half], order[half:], *order[:_SINGLE_ROWS].reshape(-1, 1)]
    changed: set[str] = set()
    for part in parts:
        if len(part):
            rows = part.tolist()
            changed |= _different(_derived(spec, dataset[rows]), whole[rows])
    if changed:
        yield f"derive is not row-wise: {_quoted(changed)} depends on the other rows"


def _blind(spec: ClinicalModel, dataset: pl.DataFrame) -> Iterator[str]:
    """``derive`` does not look at label, published partition or identifier.

    An identifier may say to which part a row belongs, or be the key by which a label is looked up.
    """
    whole = _derived(spec, dataset)
    names = pl.format("row {}", pl.int_range(pl.len()))
    if dataset.schema[spec.id_column] != pl.String:
        names = -1 - pl.int_range(pl.len()).cast(dataset.schema[spec.id_column])
    changed = _different(_derived(spec, dataset.with_columns(names.alias(spec.id_column))), whole)
    if changed:
        yield f"derive uses the identifier: {_quoted(changed)} changes with it"
    label = dataset.with_columns(~pl.col(spec.label.column))
    changed = _different(_derived(spec, label), whole)
    if changed:
        yield f"derive uses the label: {_quoted(changed)} changes with it"
    if spec.partition_column is not None:
        other = {"train": "test", "test": "train"}
        moved = dataset.with_columns(pl.col(spec.partition_column).replace(other))
        changed = _different(_derived(spec, moved), whole)
        if changed:
            yield f"derive uses the published split: {_quoted(changed)} changes with it"


def _fitted(
    spec: ClinicalModel,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    features: pl.DataFrame,
    recipe: FeatureRecipe,
    measurements: dict[str, float | str | None],
) -> Iterator[str]:
    """The recipe comes from the training rows alone, and the features from the recipe alone."""
    expected = _fit(spec, dataset, split)
    measurements["recipe_rows"] = float(recipe.rows)
    measurements["training_rows"] = float(expected.rows)
    if recipe.features != expected.features:
        yield "the recipe's features are not those of the spec"
        return
    if recipe.rows != expected.rows:
        yield f"the recipe was fitted on {recipe.rows} rows, not the {expected.rows} for training"
    names = {*recipe.medians, *expected.medians}
    wrong = {
        name
        for name in names
        if not math.isclose(
            recipe.medians.get(name, math.nan),
            expected.medians.get(name, math.nan),
            rel_tol=_RELATIVE,
        )
    }
    if wrong:
        yield f"the medians of {_quoted(wrong)} are not those of the training rows alone"
        return
    altered = _with_other_test_rows(spec, dataset, split)
    again = apply_recipe(derive_features(spec, altered), _fit(spec, altered, split), spec.inputs)
    once = apply_recipe(derive_features(spec, dataset), recipe, spec.inputs)
    trained_on = split.filter(pl.col("role") == "train").get_column(spec.id_column)
    mask = dataset.get_column(spec.id_column).is_in(trained_on.implode())
    changed = _different(again.filter(mask), once.filter(mask))
    if changed:
        yield f"other test rows would change {_quoted(changed)} of the training rows"
    yield from _delivered(spec, dataset, split, features, once)


def _delivered(
    spec: ClinicalModel,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    features: pl.DataFrame,
    inputs: pl.DataFrame,
) -> Iterator[str]:
    """The features table holds each row once, with its role, its label and ``inputs``."""
    if features.height != dataset.height:
        yield f"the features table has {features.height} rows, the dataset {dataset.height}"
        return
    expected = dataset.select(spec.id_column, spec.label.column).join(
        split.select(spec.id_column, "role"), on=spec.id_column, how="left", maintain_order="left"
    )
    delivered = dataset.select(spec.id_column).join(
        features, on=spec.id_column, how="left", maintain_order="left"
    )
    for name in ("role", spec.label.column):
        if not delivered.get_column(name).equals(expected.get_column(name)):
            yield f"column {name!r} of the features table is not that of the split or the dataset"
    changed = _different(delivered.select(spec.inputs), inputs)
    if changed:
        yield (
            f"the features table is not what derive and the recipe make: {_quoted(changed)} differs"
        )


def _fit(spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame) -> FeatureRecipe:
    return fit_recipe(
        spec, derive_features(spec, rows_with_role(dataset, split, spec.id_column, "train"))
    )


def _with_other_test_rows(
    spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame
) -> pl.DataFrame:
    """Every test row's values replaced by the largest of the test rows, so that totals shift."""
    test = rows_with_role(dataset, split, spec.id_column, "test")
    is_test = pl.col(spec.id_column).is_in(test.get_column(spec.id_column).implode())
    replaced = [
        pl.when(is_test)
        .then(pl.lit(test.get_column(column.name).max(), dtype=dataset.schema[column.name]))
        .otherwise(pl.col(column.name))
        .alias(column.name)
        for column in spec.columns
        if column.name not in (spec.id_column, spec.partition_column)
    ]
    return dataset.with_columns(replaced)


def _derived(spec: ClinicalModel, rows: pl.DataFrame) -> pl.DataFrame:
    return derive_features(spec, rows).select(
        pl.col(column.name).cast(pl.Float64) for column in spec.features
    )


def _different(one: pl.DataFrame, other: pl.DataFrame) -> set[str]:
    """Columns in which two tables differ by more than rounding; all of them if in height."""
    if one.height != other.height:
        return set(other.columns)
    changed = set()
    for name in other.columns:
        left = one.get_column(name).cast(pl.Float64).fill_null(math.nan).to_numpy()
        right = other.get_column(name).cast(pl.Float64).fill_null(math.nan).to_numpy()
        if not np.allclose(left, right, rtol=_RELATIVE, atol=0.0, equal_nan=True):
            changed.add(name)
    return changed


def _quoted(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
