"""One maintenance work at a time: purge, backup and restore do not meet.

What belongs here: the lock that they share. What does not: the works.
The lock is this machine's; a purge on another machine while a backup is made shows as a missing
file, and the backup is then refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from resources.locks import held
from resources.settings import Settings

_WAIT_SECONDS = 30.0


@contextmanager
def maintaining(settings: Settings) -> Iterator[None]:
    """Nobody else of this machine purges, backs up or restores this store in the block.

    Raises:
        ClinicalError: somebody else does.
    """
    with held(settings.store / "maintenance.lock", wait_seconds=_WAIT_SECONDS):
        yield
