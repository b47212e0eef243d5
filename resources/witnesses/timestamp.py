"""A witness of time: an authority stamps each checkpoint (RFC 3161), and the token is kept.

What belongs here: the exchange over HTTP (RFC 3161, section 3.4) and where token and note lie.
What does not: what a token proves (:mod:`clinical_assets.ledger.timestamp`).

The authority sees the SHA-256 of the note and nothing else. A token is signed; but only where roots
are named is its signature verified before it is kept. Without them whoever can answer in the
authority's place (over plain HTTP: whoever sits between) can have a worthless token kept, which a
reader with the root finds, too late to have the note stamped at that time.

Nothing that is kept is overwritten: a token that does not hold stays, and the one that replaces it
lies beside it (``.2.tsr`` and so on).
"""

import urllib.error
import urllib.request
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import IO

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.timestamp import (
    check_answer,
    check_token,
    timestamp_request,
    verify_timestamp,
)
from resources.witnesses.notes import Counts, NoteStore, every
from resources.witnesses.urls import WitnessUrl

TIMESTAMP = ".tsr"
_ENDINGS = (TIMESTAMP, *(f".{number}{TIMESTAMP}" for number in range(2, 10)))
_LARGEST_ANSWER = 256 * 1024


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        return None


class TimestampWitness:
    """Asks one authority; ``kept`` holds the notes and, beside each, its token (``.tsr``)."""

    def __init__(self, url: WitnessUrl, kept: NoteStore, *, timeout: float = 10.0) -> None:
        self.name = url.url
        self.kept = kept
        self._address, self._timeout, self._roots = url.target, timeout, url.roots

    def publish(self, note: str) -> None:
        """Has the note stamped and keeps the token; a note that has one that holds gets no other.

        Raises:
            ClinicalError: the authority cannot be reached or refuses, its answer is not to the
                request or not signed under the roots that are named, or it cannot be kept.
        """
        self.kept.put(note)
        if self.token(note) is not None:
            return
        free = next((end for end in _ENDINGS if self.kept.attached(note, end) is None), "")
        if not free:
            raise self._refused(f"{len(_ENDINGS)} tokens of the note are kept, and none holds")
        request = timestamp_request(note)
        token = self._asked(request.body)
        try:
            check_answer(note, request, token)
            _demand_holds(note, token, self._trusted())
        except ClinicalError as error:
            raise ClinicalError(error.what, where=self.name, repair=error.repair) from error
        self.kept.attach(note, free, token)

    def notes(self, origin: str, *, last: int | None = None, counts: Counts = every) -> list[str]:
        """None: the authority keeps no notes, and those here are those of another witness."""
        return []

    def token(self, note: str) -> bytes | None:
        """The token of a note (TimeStampResp in DER), None where there is none that holds.

        Raises:
            ClinicalError: the roots or the tokens cannot be read.
        """
        roots = self._trusted()
        for ending in _ENDINGS:
            token = self.kept.attached(note, ending)
            if token is None:
                return None
            with suppress(ClinicalError):
                _demand_holds(note, token, roots)
                return token
        return None

    def _trusted(self) -> bytes | None:
        if not self._roots:
            return None
        try:
            return Path(self._roots).read_bytes()
        except OSError as error:
            raise ClinicalError(
                f"The roots of the time-stamping authority cannot be read ({error.strerror})",
                where=self._roots,
                repair="Put its root certificate there in PEM form, or name another file after the"
                " # of the address",
            ) from error

    def _asked(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        # The address begins with http:// or https:// (:mod:`.urls`); proxies of the system count.
        post = urllib.request.Request(self._address, body, headers)  # noqa: S310
        try:
            with urllib.request.build_opener(_NoRedirects).open(post, timeout=self._timeout) as got:
                answer: bytes = got.read(_LARGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(f"HTTP {error.code}") from error
        except urllib.error.URLError as error:
            # Its reason may quote the address; the kind of fault is enough.
            cause = error.reason
            text = getattr(cause, "verify_message", "") or getattr(cause, "strerror", "")
            raise self._refused(text or type(cause).__name__) from error
        except (OSError, ValueError) as error:
            raise self._refused(type(error).__name__) from error
        if len(answer) > _LARGEST_ANSWER:
            raise self._refused("its answer is too long")
        return answer

    def _refused(self, reason: str) -> ClinicalError:
        return ClinicalError(
            f"The time-stamping authority gave no time stamp ({reason})",
            where=self.name,
            repair="Check its address, and that it can be reached from here (HTTPS_PROXY counts)",
        )


def _demand_holds(note: str, token: bytes, roots: bytes | None) -> None:
    if roots is None:
        check_token(note, token)
    else:
        verify_timestamp(note, token, roots)
