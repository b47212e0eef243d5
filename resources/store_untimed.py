"""Rows without a time in a store of profiles: which call they came with.

What belongs here: their label, and which of them a replacement takes the place of. What does not:
the parts' files (:mod:`.profile_store`).

Such rows belong to no day, so that nothing but their call tells January's from February's. They are
kept under the first and the last of the days that they came with: another month's lie beside them,
and the same call again, which has the same days, finds them there.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from clinical_assets.drift.cutting import NO_TIME
from clinical_assets.errors import ClinicalError
from resources.store_obstacles import Key
from resources.store_times import TO, Clock

Part = TypeVar("Part")


def is_untimed(key: Key) -> bool:
    """Whether it is a part of rows without a time."""
    return key[0].startswith(NO_TIME)


def with_spans(parts: Mapping[Key, Part], clock: Clock) -> dict[Key, Part]:
    """The parts of one call, those without a time labelled by the days of the others.

    >>> list(with_spans({("2026-01-31", "icu"): 9, ("(no time)", "icu"): 1}, Clock("1d", "")))
    [('2026-01-31', 'icu'), ('(no time) 2026-01-31 to 2026-01-31', 'icu')]
    """
    label = _label(parts, clock)
    return {(label if day == NO_TIME else day, site): part for (day, site), part in parts.items()}


def covered(parts: Iterable[Key], there: Iterable[Key], clock: Clock) -> tuple[set[Key], set[Key]]:
    """Rows without a time that came with days of these parts: all of theirs, and some of theirs.

    Those of an unknown call are among the latter.

    Args:
        parts: of one call, as :func:`with_spans` labels them.
        there: parts of the store without a time.
    """
    mine = clock.span(_label(parts, clock))
    if mine is None:
        return set(), set()
    whole, some = set(), set()
    for key in there:
        span = clock.span(key[0])
        if span is None:
            some.add(key)
        elif mine[0] <= span[0] and span[1] <= mine[1]:
            whole.add(key)
        elif span[0] <= mine[1] and mine[0] <= span[1]:
            some.add(key)
    return whole, some


def demand_known(some: Iterable[Key], sites: set[str], file: Callable[[Key], Path]) -> None:
    """Refuses rows without a time beside ones of the same site that may be the same rows.

    Args:
        some: as of :func:`covered`.
        sites: of the rows that are given.
        file: of a part.

    Raises:
        ClinicalError: there are such.
    """
    twice = sorted(key for key in some if key[1] in sites)
    if not twice:
        return
    label, site = twice[0]
    came = label.removeprefix(NO_TIME).strip() or "days that are not known"
    raise ClinicalError(
        f"The table has rows of {site} without a time, and so has the store: they came with {came},"
        " not all of which this call replaces. They may be the same rows, which would count twice",
        where=str(file(twice[0])),
        repair="Replace all of those days in one call; or take the rows without a time out of the"
        " table; or, if it has all of them, remove that file first",
    )


def _label(parts: Iterable[Key], clock: Clock) -> str:
    days = {day for day, _ in parts if not day.startswith(NO_TIME)}
    if not days:
        return NO_TIME
    order = sorted((begin, day) for day in days if (begin := clock.begin(day)))
    return f"{NO_TIME} {order[0][1]}{TO}{order[-1][1]}"
