"""A declaration that cannot work is refused when it is written, before anything is trained."""

import math
from dataclasses import replace
from typing import Any

import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.spec import ClinicalModel, Column, Subgroup

CRITERION = MODEL.acceptance.criteria[0]


def accepting(**changes: Any) -> dict[str, Any]:
    return {"acceptance": replace(MODEL.acceptance, **changes)}


def with_criterion(**changes: Any) -> dict[str, Any]:
    return accepting(criteria=(replace(CRITERION, **changes),))


def with_column(old: str, **changes: Any) -> dict[str, Any]:
    columns = (replace(c, **changes) if c.name == old else c for c in MODEL.columns)
    return {"columns": tuple(columns)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Breast Mass"}, "a name has lower-case letters"),
        ({"name": "../../evil"}, "a name has lower-case letters"),
        ({"id_column": "nobody"}, "column 'nobody' is named but not declared"),
        (with_column("diabetes", dtype="integer"), "must be declared boolean"),
        (with_column("diabetes", nullable=True), "must be declared boolean and not nullable"),
        (with_column("age_years", minimum=math.nan), "range of column 'age_years'"),
        (with_column("age_years", minimum=120.0), "range of column 'age_years'"),
        ({"columns": (*MODEL.columns, MODEL.columns[0])}, "a column is declared twice"),
        ({"features": (Column("diabetes", "boolean", "1", ""),)}, "cannot be a feature"),
        ({"features": ()}, "at least one feature"),
        ({"contact": " "}, "contact is empty"),
        (
            {"estimators": (replace(MODEL.estimators[0], kind="logistic"),)},
            "is of unknown kind 'logistic'; there are logistic_regression",
        ),
        ({"estimators": (replace(MODEL.estimators[0], grid={"c": (1.0,)}),)}, "takes no c"),
        ({"references": (replace(MODEL.references[0], kind="svm"),)}, "is of unknown kind 'svm'"),
        ({"estimators": (replace(MODEL.estimators[0], grid={"C": ()}),)}, "empty search space"),
        (
            {"references": (replace(MODEL.references[0], columns=("diabetes",)),)},
            "cannot use diabetes",
        ),
        (with_criterion(metric="aurocc"), "no metric is named 'aurocc'; there are auroc"),
        (accepting(champion_metric="f1"), "no metric is named 'f1'"),
        (accepting(subgroup_metric="sensitivity"), "cannot have a floor in subgroups"),
        (with_criterion(minimum=None, maximum=None), "sets no limit"),
        (with_criterion(minimum=math.nan), "is not a number"),
        ({"operating_point": replace(MODEL.operating_point, threshold=1.0)}, "between 0 and 1"),
        ({"subgroups": ()}, "at least one subgroup is needed"),
        ({"subgroups": (Subgroup("age", "years", (1.0,), ("a", "b")),)}, "no column 'years'"),
        ({"subgroups": (Subgroup("age", "age_years", (2.0, 1.0), ("a", "b", "c")),)}, "must rise"),
    ],
)
def test_what_cannot_work_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="spec of model") as caught:
        replace(MODEL, **changes)
    assert words in str(caught.value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ValueError, match="at least one subgroup") as caught:
        replace(MODEL, subgroups=(), name="X")
    assert "a name has" in str(caught.value)


def test_the_coverage_of_prediction_sets_is_a_metric() -> None:
    assert any(c.metric == "conformal_coverage" for c in MODEL.acceptance.criteria)
    assert isinstance(MODEL, ClinicalModel)
