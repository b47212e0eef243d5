"""A person who proved all components just now, as the rules of signing want to know them."""

from datetime import UTC, datetime, time, timedelta

from clinical_assets.evidence.signing_rights import Signer
from resources.claims import Authenticated
from resources.stages import Signatory


def signatory(person: Authenticated, zone: str) -> Signatory:
    """For one signature.

    Args:
        zone: of the signer's terminal: IANA name or offset.
    """
    trained = person.trained_until
    # A training holds to the end of its last day.
    expires = (
        None if trained is None else datetime.combine(trained, time(), UTC) + timedelta(days=1)
    )
    return Signatory(
        Signer(
            id=person.actor.id,
            kind=person.actor.kind,
            roles=frozenset(person.roles),
            training_expires=expires,
            factors=person.factors,
            demonstration=person.demonstration,
            identity_verified=person.enrolment_verified,
            accountable=person.statement_accepted,
        ),
        name=person.actor.name,
        method=person.actor.method,
        zone=zone,
    )


def local_zone(now: datetime | None = None) -> str:
    """The terminal's time zone: its IANA name where the system tells, else the offset."""
    import os
    from pathlib import Path

    named = os.environ.get("TZ", "").removeprefix(":")
    link = Path("/etc/localtime")
    if not named and link.is_symlink():
        named = str(link.resolve()).partition("zoneinfo/")[2]
    if named and _is_known(named):
        return named
    offset = (now or datetime.now(UTC)).astimezone().strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"


def _is_known(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
