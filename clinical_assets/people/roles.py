"""The roles that people and services have, and which of them exclude each other.

What belongs here: what one account may be. What does not: the controlled list of roles
(:mod:`clinical_assets.modelling.approvals`) and what a role may do (:mod:`.rights`).
"""

from collections.abc import Iterator, Sequence

from clinical_assets.modelling.approvals import NEVER_SIGN, ROLES, SIGNING_ROLES, Role

__all__ = ["NEVER_SIGN", "ROLES", "SIGNING_ROLES", "Role", "role_problems"]


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
