"""A declaration of approvals that cannot be signed, or by an author alone, is refused."""

from dataclasses import replace
from typing import Any

import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.approvals import (
    MEANINGS,
    NEVER_SIGN,
    REVIEW_STAGES,
    ROLES,
    SIGNING_ROLES,
    STAGES,
    Approval,
    approval_problems,
)

GOOD = (
    Approval("clinical review", "clinical reviewer", "review"),
    Approval("quality approval", "quality", "approval"),
)


def approval(stage: Any, role: Any, meaning: Any) -> Approval:
    return Approval(stage, role, meaning)


def test_the_least_declaration_and_the_built_in_one_are_good() -> None:
    assert list(approval_problems(GOOD)) == []
    assert list(approval_problems(MODEL.approvals)) == []
    assert {a.stage for a in MODEL.approvals} == set(REVIEW_STAGES)


@pytest.mark.parametrize(
    ("approvals", "words"),
    [
        ((), "clinical review needs at least one approval"),
        (GOOD[:1], "quality approval needs at least one"),
        (GOOD[1:], "clinical review needs at least one"),
        ((*GOOD, approval("released", "quality", "approval")), "given in 'released'"),
        ((*GOOD, approval("praise", "quality", "approval")), "given in 'praise'"),
        ((*GOOD, approval("ethics review", "clinical lead", "review")), "signs as 'clinical lead'"),
        ((*GOOD, approval("ethics review", "administrator", "review")), "as 'administrator'"),
        ((*GOOD, approval("ethics review", "service", "review")), "signs as 'service'"),
        ((*GOOD, approval("ethics review", "quality", "approved for release")), "cannot mean"),
        ((*GOOD, approval("ethics review", "quality", "rejection")), "cannot mean 'rejection'"),
        ((*GOOD, approval("ethics review", "quality", "revocation")), "cannot mean"),
        ((*GOOD, approval("ethics review", "author", "approval")), "authorship is what an author"),
        ((*GOOD, approval("ethics review", "quality", "authorship")), "authorship is what an"),
        (
            (approval("clinical review", "author", "authorship"), GOOD[1]),
            "clinical review needs at least one approval by somebody other than an author",
        ),
    ],
)
def test_what_cannot_work_is_named_in_the_spec(approvals: Any, words: str) -> None:
    assert any(words in problem for problem in approval_problems(approvals))
    with pytest.raises(ValueError, match="spec of model") as caught:
        replace(MODEL, approvals=approvals)
    assert words in str(caught.value)


def test_the_lists_are_those_that_signatures_are_read_with_for_ever() -> None:
    assert STAGES == (
        "candidate",
        "validation",
        "clinical review",
        "ethics review",
        "quality approval",
        "released",
        "suspended",
        "quarantined",
        "retired",
    )
    assert MEANINGS == (
        "authorship",
        "review",
        "approval",
        "responsibility",
        "rejection",
        "revocation",
    )
    assert {*SIGNING_ROLES} | {*NEVER_SIGN} == {*ROLES}
    assert NEVER_SIGN == ("administrator", "service")
