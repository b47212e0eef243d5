"""Time stamps on checkpoints: what is asked of a time-stamping authority, and what it proves.

What belongs here: the request and the response of RFC 3161 about the SHA-256 of a signed note,
and their verification. What does not: sending and keeping them
(:mod:`resources.witnesses.timestamp`).

A token shows that the note existed at the time which the authority states. Unlike other witnesses
it holds no copy, so by itself it finds no cut ledger; but nobody, the ledger's owner included, can
make an older one afterwards. ``openssl ts -verify`` reads the same files.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from clinical_assets.errors import ClinicalError

_SHA256 = "2.16.840.1.101.3.4.2.1"
_GRANTED = 0


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """A request in DER (TimeStampReq), and the random number that the answer must repeat."""

    body: bytes
    nonce: int


def timestamp_request(note: str) -> TimestampRequest:
    """A request for a time stamp on the note's SHA-256, the authority's certificate included."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256)
    made = builder.cert_request(cert_request=True).nonce(nonce=True).build()
    assert made.nonce is not None
    return TimestampRequest(made.as_bytes(), made.nonce)


def check_answer(note: str, request: TimestampRequest, token: bytes) -> datetime:
    """The time that an answer states, if it is the answer to this request.

    Its signature is not verified here: that needs the roots that the reader trusts
    (:func:`verify_timestamp`). So whoever can answer in the authority's place passes this.

    Raises:
        ClinicalError: it is no time stamp, the authority refused, or it is about something else.
    """
    at = check_token(note, token)
    if _decoded(token).tst_info.nonce != request.nonce:
        raise _other()
    return at


def check_token(note: str, token: bytes) -> datetime:
    """The time that a token states, if it is about this note; its signature is not verified.

    Raises:
        ClinicalError: it is no time stamp, the authority refused, or it is about something else.
    """
    found = _decoded(token)
    if found.status != _GRANTED:
        raise ClinicalError(
            f"The time-stamping authority refused the request (status {found.status})",
            repair="Ask its operator what it demands; RFC 3161, section 2.4.2, lists the reasons",
        )
    stated = found.tst_info
    imprint = stated.message_imprint
    if imprint.hash_algorithm.dotted_string != _SHA256:
        raise _other()
    if imprint.message != sha256(note.encode()).digest():
        raise _other()
    return _utc(stated.gen_time)


def verify_timestamp(note: str, token: bytes, roots: bytes) -> datetime:
    """The time (UTC) at which the note existed, by the word of an authority that is trusted.

    Certificates count as they were at that time, so that a token outlives them.

    Args:
        note: the signed checkpoint, as it was published.
        token: the answer of the authority (TimeStampResp in DER), as it is kept.
        roots: PEM certificates of the authorities that the reader trusts, one after another.

    Raises:
        ClinicalError: the token is damaged, about another note, or not signed by whom one trusts.
    """
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        trusted = x509.load_pem_x509_certificates(roots)
    except ValueError as error:
        raise ClinicalError(
            "The trusted roots are no certificates in PEM form",
            repair="Take the root certificate from the time-stamping authority's own pages",
        ) from error
    found = _decoded(token)
    try:
        VerifierBuilder(roots=trusted).build().verify_message(found, note.encode())
    except (VerificationError, ValueError) as error:
        raise ClinicalError(
            "The time stamp does not show that this note existed: it is about another one, was"
            " altered, or is not signed by an authority that you trust",
            repair="Compare note and token with the other witnesses; check the trusted roots",
        ) from error
    return _utc(found.tst_info.gen_time)


def _decoded(token: bytes) -> Any:
    from rfc3161_client import decode_timestamp_response

    try:
        found = decode_timestamp_response(token)
        _ = found.status if found.status != _GRANTED else found.tst_info
    except ValueError as error:
        raise ClinicalError(
            "This is not a time stamp (RFC 3161) in DER",
            repair="Check the address of the time-stamping authority, or take the token from"
            " another copy; one with certificates out of DER's order is not supported",
        ) from error
    return found


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _other() -> ClinicalError:
    return ClinicalError(
        "The time-stamping authority answered another request",
        repair="Check whether something between here and the authority keeps or changes answers",
    )
