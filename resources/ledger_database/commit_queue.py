"""Group commit: of the threads that want to write, one writes for all who wait.

What belongs here: who waits, who writes for whom, and who is told what. What does not: what is
written. The one who leads takes the others' wishes once it has the database to itself, so that one
wait for the disk serves them all. What becomes of one caller stays its own: an interrupt meets the
thread that it was meant for, and each caller's function runs in that caller's context, so that an
act never gets the actor of another thread.
"""

import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Generic, TypeVar

from clinical_assets.errors import ClinicalError
from resources.forks import renewed_after_fork

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")
_MOST_AT_ONCE = 500


class Ticket(Generic[Wish, Answer]):
    """What one caller wants, and what became of it."""

    __slots__ = ("answer", "context", "done", "error", "gate", "leads", "wish")

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.context: Context = copy_context()
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.done = False
        self.leads = False  # whether it is this caller's turn to write
        self.gate = threading.Lock()  # let go of when one of the two becomes true
        self.gate.acquire()


Tickets = Sequence[Ticket[Wish, Answer]]


class InterruptedCommitError(Exception):
    """Raised by a writer from the exception that met it while a commit was under way."""


class CommitQueue(Generic[Wish, Answer]):
    """Wishes that are fulfilled together.

    Args:
        write: fulfils what the function that it is given takes from the queue, which it calls
            once at most; sets ``answer`` or ``error`` of each. What it raises meets them all.
            An exception that is no :class:`Exception` meets the leader only: the others' wishes
            are written anew, unless it comes within an :class:`InterruptedCommitError`.
        unknown: what those others are told in that last case.
    """

    def __init__(
        self,
        write: Callable[[Callable[[], Tickets[Wish, Answer]]], None],
        unknown: Callable[[], Exception],
    ) -> None:
        self._write = write
        self._unknown = unknown
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Nobody waits."""
        self._waiting: list[Ticket[Wish, Answer]] = []
        self._mutex = threading.Lock()
        self._led = False
        self._inside = threading.local()

    def fulfil(self, wish: Wish) -> Answer | None:
        """The answer to ``wish``, once it is on disk.

        Raises:
            RuntimeError: called by what is being written.
            Exception: what ``write`` set or raised.
        """
        if getattr(self._inside, "writes", False):
            raise RuntimeError("nothing can be appended from within a decision on what to append")
        ticket = Ticket[Wish, Answer](wish)
        try:
            with self._mutex:
                self._waiting.append(ticket)
                if not self._led:
                    self._led = ticket.leads = True
                    ticket.gate.release()
            while not ticket.done:
                ticket.gate.acquire()
                while ticket.leads and not ticket.done:  # more may wait than one write takes
                    self._lead(ticket)
        finally:
            self._leave(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def _lead(self, own: Ticket[Wish, Answer]) -> None:
        taken: list[Ticket[Wish, Answer]] = []

        def take() -> Tickets[Wish, Answer]:
            with self._mutex:
                taken.extend(self._waiting[:_MOST_AT_ONCE])
                del self._waiting[:_MOST_AT_ONCE]
            return taken

        self._inside.writes = True
        try:
            self._write(take)
        except InterruptedCommitError as interrupted:
            self._tell([t for t in taken if t is not own], self._unknown())
            raise interrupted.__cause__ or interrupted from None
        except Exception as error:
            self._tell(taken or take(), error)
        except BaseException:
            with self._mutex:  # the others stand in front of who came later
                self._waiting[:0] = [t for t in taken if t is not own and not t.done]
            raise
        finally:
            self._inside.writes = False
        self._let_go(taken)

    def _tell(self, tickets: Tickets[Wish, Answer], error: Exception) -> None:
        for ticket in tickets:
            ticket.error = ticket.error or _own(error)
            ticket.answer = None
        self._let_go(tickets)

    def _let_go(self, tickets: Tickets[Wish, Answer]) -> None:
        for ticket in tickets:
            if not ticket.done:
                ticket.done = True
                if not ticket.leads:
                    ticket.gate.release()

    def _leave(self, ticket: Ticket[Wish, Answer]) -> None:
        """Whoever led hands over to the one who has waited longest, however it ends.

        What nobody waits for any more is not written, unless it is being written already.
        """
        with self._mutex:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            if not ticket.leads:
                return
            ticket.leads = False
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].gate.release()
            else:
                self._led = False


def _own(error: Exception) -> Exception:
    """The same error for one more thread, whose traceback is its own."""
    if isinstance(error, ClinicalError):
        own: Exception = ClinicalError(error.what, where=error.where, repair=error.repair)
        own.__cause__ = error.__cause__
        return own
    return error
