"""Which human signatures a release demands, and the controlled lists that they are made of.

What belongs here: the stages of a version's life, roles and meanings of signatures, and what is
wrong with a declaration of them. What does not: which transitions are legal and when a signature
counts (``clinical_assets/evidence``). Nothing is ever removed from a list or renamed, because
signatures that name it are read for ever (P11-13).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Stage = Literal[
    "candidate",
    "validation",
    "clinical review",
    "ethics review",
    "quality approval",
    "released",
    "suspended",
    "quarantined",
    "retired",
]
Role = Literal[
    "author",
    "clinical reviewer",
    "quality",
    "ethics board",
    "privacy officer",
    "operator",
    "administrator",
    "service",
]
Meaning = Literal["authorship", "review", "approval", "responsibility", "rejection", "revocation"]

STAGES: tuple[Stage, ...] = get_args(Stage)
ROLES: tuple[Role, ...] = get_args(Role)
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)

REVIEW_STAGES: tuple[Stage, ...] = ("clinical review", "ethics review", "quality approval")
"""The stages that wait for signatures, in their order."""

NEVER_SIGN: tuple[Role, ...] = ("administrator", "service")
"""Roles under which nothing can be signed (P11-16)."""

SIGNING_ROLES: tuple[Role, ...] = tuple(role for role in ROLES if role not in NEVER_SIGN)

_GIVEN: tuple[Meaning, ...] = ("authorship", "review", "approval", "responsibility")
_INDISPENSABLE: tuple[Stage, ...] = ("clinical review", "quality approval")


@dataclass(frozen=True, slots=True)
class Approval:
    """A human signature that the release demands: at which stage, by whom, what it means (P11-13).

    The same one declared twice demands two persons. ``authorship`` is signed by an author of the
    version, under the role ``author``; everything else by somebody who is no author (P11-07).
    """

    stage: Stage
    role: Role
    meaning: Meaning

    def __str__(self) -> str:
        return f"{self.meaning} by {self.role} in {self.stage}"


def approval_problems(approvals: Sequence[Approval]) -> Iterator[str]:
    """What is wrong with a declaration of approvals, one phrase each; nothing if it can work."""
    for approval in approvals:
        if approval.stage not in REVIEW_STAGES:
            yield f"no signature is given in {approval.stage!r}; choose {', '.join(REVIEW_STAGES)}"
        if approval.role not in SIGNING_ROLES:
            yield f"nobody signs as {approval.role!r}; there are {', '.join(SIGNING_ROLES)}"
        if approval.meaning not in _GIVEN:
            yield f"an approval cannot mean {approval.meaning!r}; there are {', '.join(_GIVEN)}"
        if (approval.role == "author") != (approval.meaning == "authorship"):
            yield f"{approval}: authorship is what an author signs, and nothing else"
    for stage in _INDISPENSABLE:
        if not any(a.stage == stage and a.role != "author" for a in approvals):
            yield f"{stage} needs at least one approval by somebody other than an author"
