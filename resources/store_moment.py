"""Reading a store of profiles as it was at one moment, while others may write.

What belongs here: when what was read is good, when it is read again, and when the writers have to
wait. What does not: what is read (:mod:`.profile_store`), and what writers tell
(:mod:`.store_putting`).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from clinical_assets.errors import ClinicalError
from resources.locks import held
from resources.store_obstacles import Key
from resources.store_putting import Putting

LOCK = "store.lock"
WAIT = 60.0
"""Seconds that one process waits for another."""
_ATTEMPTS = 4  # without keeping the writers waiting

Found = TypeVar("Found")


class _UnderwayError(Exception):
    """A replacement of wanted parts is under way or was cut off, the first of them this."""

    def __init__(self, first: Key) -> None:
        super().__init__(first)
        self.first = first


@dataclass(frozen=True, slots=True)
class Moment:
    """The parts that count at one moment.

    Attributes:
        new: those on their way, which do not count.
        replaced: those of which some are old and some new.
    """

    new: frozenset[Key]
    replaced: frozenset[Key]

    def whole(self, listed: Iterable[Key]) -> list[Key]:
        """Those of the parts that count, in their order.

        Has to be called within :func:`at_one_moment`, which waits where there are replaced ones.
        """
        found = [key for key in listed if key not in self.new]
        if underway := self.replaced.intersection(found):
            raise _UnderwayError(min(underway))
        return found


def at_one_moment(
    folder: Path, read: Callable[[Moment], Found], named: Callable[[Key], str]
) -> Found:
    """What ``read`` gives where no writer takes a step from its beginning to its end.

    It is called again where one does, and after some times with the writers' lock held, so that a
    store that is always written to can be read.

    Args:
        folder: of the store.
        read: lists, chooses by :meth:`Moment.whole`, and reads, in this order.
        named: a part in words.

    Raises:
        ClinicalError: a replacement was cut off or does not end, or the store is written to all
            the time and the lock cannot be had; or whatever ``read`` raises at rest.
    """
    putting = Putting(folder)
    for _ in range(_ATTEMPTS):
        before = putting.state()
        try:
            found = read(_moment(putting))
        except _UnderwayError as told:
            with _at_rest(folder):
                if told.first in putting.unfinished()[1]:
                    raise _cut_off(folder, named(told.first)) from None
            continue
        except ClinicalError:
            if putting.state() == before:
                raise
            continue  # such as of a part that a writer took away meanwhile
        if putting.state() == before:
            return found
    with _at_rest(folder):
        try:
            return read(_moment(putting))
        except _UnderwayError as told:
            raise _cut_off(folder, named(told.first)) from None


def _moment(putting: Putting) -> Moment:
    new, replaced = putting.unfinished()
    return Moment(frozenset(new), frozenset(replaced))


@contextmanager
def _at_rest(folder: Path) -> Iterator[None]:
    """Keeps writers away for the length of the block."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder / LOCK, wait_seconds=WAIT))
        except ClinicalError:
            raise ClinicalError(
                "The store is being written to, and the lock that makes writers wait cannot be had"
                f" within {WAIT:g} seconds",
                where=str(folder / LOCK),
                repair="Run again when the writers have ended, or with the right to the lock",
            ) from None
        yield


def _cut_off(folder: Path, first: str) -> ClinicalError:
    return ClinicalError(
        f"A replacement of parts was cut off, the first {first}: some are the old ones and some"
        " the new",
        where=str(folder),
        repair="Run the call with --replace again",
    )
