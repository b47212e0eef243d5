"""A witness of time: an authority stamps each checkpoint (RFC 3161), and the token is kept.

What belongs here: the exchange over HTTP (RFC 3161, section 3.4) and where token and note lie.
What does not: what a token proves (:mod:`clinical_assets.ledger.timestamp`).

The authority sees the SHA-256 of the note and nothing else. A token is signed, so a connection
without TLS does not weaken it.
"""

import urllib.error
import urllib.request
from email.message import Message
from typing import IO

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.timestamp import check_answer, timestamp_request
from resources.witnesses.notes import Counts, NoteStore, every
from resources.witnesses.urls import WitnessUrl

TIMESTAMP = ".tsr"
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
        self._address, self._timeout = url.target, timeout

    def publish(self, note: str) -> None:
        """Has the note stamped and keeps the token; a note that has one is not stamped again.

        Raises:
            ClinicalError: the authority cannot be reached or refuses, its answer is not to the
                request, or the token cannot be kept.
        """
        self.kept.put(note)
        if self.kept.attached(note, TIMESTAMP) is not None:
            return
        request = timestamp_request(note)
        token = self._asked(request.body)
        try:
            check_answer(note, request, token)
        except ClinicalError as error:
            raise ClinicalError(error.what, where=self.name, repair=error.repair) from error
        self.kept.attach(note, TIMESTAMP, token)

    def notes(self, origin: str, *, last: int | None = None, counts: Counts = every) -> list[str]:
        """None: the authority keeps no notes, and those here are those of another witness."""
        return []

    def token(self, note: str) -> bytes | None:
        """The token of a note (TimeStampResp in DER), None where there is none."""
        return self.kept.attached(note, TIMESTAMP)

    def _asked(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        # The address begins with http:// or https:// (witness_urls); proxies of the system count.
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
