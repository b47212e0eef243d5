"""What keeps a person from signing, whatever is to be signed (P11-09, P11-10, P11-17).

What belongs here: conditions on the person. What does not: role, stage and segregation of duties
for a given record, which the record's spec decides.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from clinical_assets.people.rights import may


def signing_problems(
    roles: Sequence[str],
    *,
    enrolment_verified: bool,
    trained_until: date | None,
    statement_accepted: bool,
    on: date,
    demonstration: bool = False,
) -> Iterator[str]:
    """What is missing on day ``on`` (UTC), a phrase each; nothing for who can sign.

    A ``demonstration`` person has no identity that could be verified.

    >>> ready = dict(enrolment_verified=True, trained_until=date(2027, 1, 1))
    >>> list(signing_problems(["quality"], **ready, statement_accepted=True, on=date(2027, 1, 2)))
    ['the training expired on 2027-01-01']
    """
    if not may(roles, "sign"):
        yield "no role that signs"
    if not enrolment_verified and not demonstration:
        yield "no record of who verified the identity"
    if trained_until is None:
        yield "no training is recorded"
    elif trained_until < on:
        yield f"the training expired on {trained_until.isoformat()}"
    if not statement_accepted:
        yield "the accountability statement was not accepted in its present version"
