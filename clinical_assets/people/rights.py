"""Which role may do what (P11-07).

What belongs here: the matrix. What does not: asking it, which is done at each operation. A right
that no role of an account gives, it has not. To sign is a right of its own; under which role and at
which stage it counts is decided by the model's spec.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from clinical_assets.people.roles import ROLES, SIGNING_ROLES, Role

Right = Literal[
    "enrol",
    "reset",
    "revoke",
    "train",
    "confirm",
    "review access",
    "sign",
    "operate",
    "export",
    "administer",
]
RIGHTS: tuple[Right, ...] = get_args(Right)

DESCRIPTIONS: dict[Right, str] = {
    "enrol": "enrol people and services, grant and withdraw roles",
    "reset": "unlock accounts, issue a secret for first use",
    "revoke": "revoke an account",
    "train": "record a training",
    "confirm": "confirm an account's owner after a reset, so that they may sign again",
    "review access": "see the register, review who has access",
    "sign": "sign records, under a role that the record demands",
    "operate": "run assets, add sources, release what is approved",
    "export": "export a part of the ledger or a package",
    "administer": "change settings, keys, retention, backups",
}

_MATRIX: dict[Right, tuple[Role, ...]] = {
    "enrol": ("administrator",),
    "reset": ("administrator",),
    "revoke": ("administrator", "privacy officer"),
    "train": ("administrator", "quality"),
    "confirm": ("quality", "privacy officer"),
    "review access": ("administrator", "quality", "privacy officer"),
    "sign": SIGNING_ROLES,
    "operate": ("author", "operator", "service"),
    "export": ("quality", "privacy officer"),
    "administer": ("administrator",),
}


def may(roles: Iterable[str], right: Right) -> bool:
    """Whether one of ``roles`` gives ``right``."""
    return any(role in _MATRIX[right] for role in roles)


def rights_table() -> str:
    """The matrix in Markdown, as ``docs/roles.md`` shows it."""
    lines = [f"| right | {' | '.join(ROLES)} |", "|---|" + "---|" * len(ROLES)]
    for right in RIGHTS:
        marks = " | ".join("yes" if role in _MATRIX[right] else "" for role in ROLES)
        lines.append(f"| {right}: {DESCRIPTIONS[right]} | {marks} |")
    return "\n".join(lines) + "\n"
