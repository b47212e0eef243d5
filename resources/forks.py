"""Objects that hold locks of threads, made usable in a process that was forked meanwhile.

A child has one thread only; a lock that another thread of the parent held would never be let go.
"""

import os
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Something that can start anew in a child."""

    def after_fork(self) -> None:
        """Makes new locks and forgets what the parent's threads were at."""


_known: "WeakSet[Renewable]" = WeakSet()


def renewed_after_fork(item: Renewable) -> None:
    """Calls ``item.after_fork`` in every child from now on, as long as ``item`` is in use."""
    _known.add(item)


def _renew() -> None:
    for item in list(_known):
        item.after_fork()


os.register_at_fork(after_in_child=_renew)
