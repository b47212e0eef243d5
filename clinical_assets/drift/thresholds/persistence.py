"""When a crossed threshold becomes an alarm: in at least k of the last n windows."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError

MOST = 10


@dataclass(frozen=True, slots=True)
class Persistence:
    """``k`` of the last ``n`` windows; the first windows count as far as there are any.

    >>> list(Persistence(2, 3).alarms([True, False, True, False, False]))
    [False, False, True, False, False]
    """

    k: int = 1
    n: int = 1

    def __post_init__(self) -> None:
        """Raises :class:`ClinicalError` where it is not 1 <= k <= n <= 10."""
        if not 1 <= self.k <= self.n <= MOST:
            raise ClinicalError(
                f"A persistence of {self.k} of {self.n} windows makes no sense",
                repair=f"Give k of n with 1 ≤ k ≤ n ≤ {MOST}, such as `2 of 3`",
                where="plan",
            )

    @classmethod
    def read(cls, text: str) -> "Persistence":
        """From ``k of n``.

        Raises:
            ClinicalError: it is not that.

        >>> Persistence.read("2 of 3")
        Persistence(k=2, n=3)
        """
        found = re.fullmatch(r"\s*(\d{1,3})\s+of\s+(\d{1,3})\s*", text)
        if not found:
            raise ClinicalError(
                f"The plan's persistence is {text!r}", repair="Give `k of n`, such as `2 of 3`"
            )
        return cls(int(found[1]), int(found[2]))

    def alarms(self, crossed: Iterable[bool]) -> Iterator[bool]:
        """For each window whether it is an alarm: it crosses, and so do k - 1 of the n - 1 before.

        A window that does not cross raises no alarm, even while k of n still hold.
        """
        last: deque[bool] = deque(maxlen=self.n)
        for here in crossed:
            last.append(bool(here))
            yield bool(here) and sum(last) >= self.k

    def __str__(self) -> str:
        """As in a plan."""
        return f"{self.k} of {self.n}"
