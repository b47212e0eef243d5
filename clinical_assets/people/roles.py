"""The roles that people and services have, and which of them exclude each other.

What belongs here: the controlled list. What does not: what a role may do (:mod:`.rights`). Nothing
is ever removed or renamed, because records that name a role are read for ever.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

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
ROLES: tuple[Role, ...] = get_args(Role)

NEVER_SIGN: tuple[Role, ...] = ("administrator", "service")
"""Roles under which nothing can be signed (P11-16, P11-21)."""

SIGNING_ROLES: tuple[Role, ...] = tuple(role for role in ROLES if role not in NEVER_SIGN)


def role_problems(kind: str, roles: Sequence[str]) -> Iterator[str]:
    """What is wrong with the roles of one account, a phrase each.

    Whoever administers accounts signs nothing, so that misuse needs two people (P11-21).

    >>> list(role_problems("person", ["administrator", "quality"]))
    ['an administrator signs nothing, so the role excludes quality']
    """
    if unknown := [role for role in roles if role not in ROLES]:
        yield f"there is no role {', '.join(unknown)}; there are {', '.join(ROLES)}"
    if kind == "service" and list(roles) != ["service"]:
        yield "a service has the role service and no other"
    if kind == "person" and "service" in roles:
        yield "the role service is not for people"
    signing = [role for role in roles if role in SIGNING_ROLES]
    if "administrator" in roles and signing:
        yield f"an administrator signs nothing, so the role excludes {', '.join(signing)}"
