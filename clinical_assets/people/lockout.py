"""When an account that saw wrong secrets may be tried again (P11-26).

What belongs here: the schedule. What does not: counting, which the register does. Delays grow as
NIST SP 800-63B-4, section 3.2.2, suggests for limiting guesses: nothing for the first mistakes,
then doubled with each, until only an administrator unlocks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """How many mistakes are free, how delays grow, when an account is locked.

    Attributes:
        free: failures in a row that cost nothing.
        first: delay after the next one; each later one doubles it, up to ``longest``.
        lock_after: failures in a row after which the account is locked.
    """

    free: int = 3
    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=1)
    lock_after: int = 10

    def delay(self, failures: int) -> timedelta:
        """How long after the newest of ``failures`` in a row nothing is accepted.

        >>> [LockoutPolicy().delay(n).seconds for n in (3, 4, 5, 6)]
        [0, 5, 10, 20]
        """
        if failures <= self.free:
            return timedelta(0)
        doublings = min(failures - self.free - 1, 30)
        return min(self.first * (1 << doublings), self.longest)

    def waits(self, failures: int, failed_at: datetime | None, now: datetime) -> bool:
        """Whether an attempt at ``now`` is refused unseen."""
        return failed_at is not None and now < failed_at + self.delay(failures)

    def locks(self, failures: int) -> bool:
        """Whether ``failures`` in a row lock the account."""
        return failures >= self.lock_after
