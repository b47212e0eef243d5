"""What an electronic signature states, and whether an entry of the ledger is one.

What belongs here: the statement that is signed (``clinical-signature/1``), the entry that carries
it, and its verification. What does not: whether a signature that verifies counts for a release
(:mod:`.stage_fold`), who may sign (:mod:`.signing_rights`), and how a person proves who they are.

A signature is an entry of action ``signature.given``. Its digest covers the record (kind, id,
version, content), the signer with the name as printed, meaning, comment, time and zone, the policy
and the head of the ledger. So it cannot be carried to another record, and neither the record nor
a word of the signature can be changed without voiding it (P11-13, P11-15).
"""

import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from typing import Any

from clinical_assets.canonical import digest_of
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Signed
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject
from clinical_assets.modelling.approvals import MEANINGS, SIGNING_ROLES

SIGNATURE_FORMAT = "clinical-signature/1"
SUBJECT_KIND = "model-version"

MOST_DELAY = timedelta(minutes=5)
"""Between the time in the statement and the server's time of the entry that carries it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)")
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class SignatureStatement:
    """Everything that a signer declares. One without its parts cannot be made (P11-13).

    Attributes:
        subject: the record; ``sha256`` is that of its content.
        signer: id of the person; ``printed_name`` is kept as it was at the time.
        stage: in which stage, or what for: see :data:`~.stages.SIGNED_STAGES`.
        local_time: RFC 3339 with the offset of the signer's terminal; ``zone`` names it.
        policy_sha256, head_size, head_root, method, factors, demonstration, revokes: see
            :class:`~clinical_assets.ledger.actions.Signed`.

    Raises:
        ValueError: a part is missing or not of its kind.
    """

    subject: Subject
    signer: str
    printed_name: str
    role: str
    stage: str
    meaning: str
    comment: str
    zone: str
    local_time: str
    policy_sha256: str
    head_size: int
    head_root: str
    method: str
    factors: tuple[str, ...]
    demonstration: bool = False
    revokes: str = ""
    format: str = SIGNATURE_FORMAT

    def __post_init__(self) -> None:
        for name in ("signer", "printed_name", "stage", "zone", "method"):
            if not getattr(self, name).strip():
                raise ValueError(f"a signature states its {name.replace('_', ' ')}")
        if self.meaning not in MEANINGS:
            raise ValueError(f"a signature cannot mean {self.meaning!r}")
        if self.role not in SIGNING_ROLES:
            raise ValueError(f"nobody signs as {self.role!r}")
        for digest in (self.subject.sha256, self.policy_sha256, self.head_root):
            if not _SHA256.fullmatch(digest):
                raise ValueError("record, policy and head of the ledger are named by SHA-256")
        if not _LOCAL_TIME.fullmatch(self.local_time) or self.time.tzinfo is None:
            raise ValueError("the time of signing is RFC 3339 with its offset")
        if self.head_size < 0:
            raise ValueError("a ledger has no negative size")
        if bool(self.revokes) != (self.meaning == "revocation"):
            raise ValueError("a revocation names the signature that it revokes, and nothing else")

    @property
    def time(self) -> datetime:
        """When it was signed, with the offset of the signer's terminal."""
        return datetime.fromisoformat(self.local_time)

    @property
    def digest(self) -> str:
        """SHA-256 of the statement in canonical JSON: the signature's own name."""
        return digest_of(self)


@dataclass(frozen=True, slots=True)
class StatementCheck:
    """Whether an entry carries the signature that it claims; ``reason`` says why not."""

    valid: bool
    reason: str = ""


def signature_act(statement: SignatureStatement, act: str, *, software: str = "") -> Act:
    """The act that the ledger keeps of a signature; append it as it is.

    Args:
        act: unique name of the act.
    """
    own = {field.name for field in fields(Signed)} - {"signature_sha256"}
    said: dict[str, Any] = {name: getattr(statement, name) for name in own}
    return Act(
        act=act,
        actor=Actor("person", statement.signer, statement.printed_name, statement.method),
        action="signature.given",
        subject=statement.subject,
        details=Signed(**said, signature_sha256=statement.digest),
        reason=statement.comment,
        software=software,
    )


def statement_of(entry: Entry) -> SignatureStatement:
    """The statement as the entry tells it, whether or not its digest agrees.

    Raises:
        ValueError: the entry is no signature, or what it tells is none.
    """
    act, signed = entry.act, entry.act.details
    if act.action != "signature.given" or not isinstance(signed, Signed):
        raise ValueError("the entry is not a signature")
    shared = {f.name for f in fields(Signed)} & {f.name for f in fields(SignatureStatement)}
    return SignatureStatement(
        subject=act.subject,
        signer=act.actor.id,
        printed_name=act.actor.name,
        comment=act.reason,
        **{name: getattr(signed, name) for name in shared},
    )


def verify_signature(entry: Entry) -> StatementCheck:
    """Whether the entry is a signature, made by a person, of just what it tells (P11-15).

    Says nothing of whether it was asked for, or whether the signer had the right.
    """
    act = entry.act
    try:
        statement = statement_of(entry)
    except ValueError as error:
        return StatementCheck(False, str(error))
    if act.outcome != "done":
        return StatementCheck(False, "it was not completed")
    if act.actor.kind != "person" or act.actor.on_behalf_of:
        return StatementCheck(False, "a person signs, neither a service nor one for another")
    if act.actor.method != statement.method:
        return StatementCheck(False, "its signer was authenticated in another way than it says")
    if statement.digest != act.details.signature_sha256:
        return StatementCheck(
            False, "the record or the signature was changed, or it was copied from another record"
        )
    if abs(entry.at - statement.time) > MOST_DELAY:
        return StatementCheck(False, "its time of signing is not that of its entry")
    return StatementCheck(True)


def local_time(at: datetime, zone: str) -> str:
    """``at`` as the signer's terminal shows it: RFC 3339, seconds, with its offset.

    Args:
        at: the server's time, with its zone.
        zone: IANA name (``Europe/Berlin``) or offset (``+05:30``).

    Raises:
        ClinicalError: there is no such zone.

    >>> local_time(datetime.fromisoformat("2026-11-24T12:00:04.5Z"), "+05:30")
    '2026-11-24T17:30:04+05:30'
    """
    return at.astimezone(_zone(zone)).isoformat(timespec="seconds")


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    offset = _OFFSET.fullmatch(name)
    if offset:
        sign, hours, minutes = offset.groups()
        delta = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-delta if sign == "-" else delta)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # an unknown key, a path, a folder of the database
        raise ClinicalError(
            "There is no such time zone",
            where="time zone of the terminal",
            repair="Give a name such as Europe/Berlin or an offset such as +01:00",
        ) from None
