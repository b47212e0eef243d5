"""Why columns are not counted in parts of a store of profiles, and in which part first.

What belongs here: collecting it from parts that are read anyway. What does not: why a column cannot
be counted (:mod:`clinical_assets.drift.profiles`), and the parts' files (:mod:`.profile_store`).
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping

from clinical_assets.drift.profiles import Profile

ABSENT = ("not in the table", "not in the reference")
"""Of a table without a column: comparisons look for these very words."""

Key = tuple[str, str]
"""Day and site."""


def obstacle_of(summary: object) -> str:
    """Why a column is not counted; empty where it is."""
    return str(getattr(summary, "obstacle", ""))


def obstacles(parts: Mapping[Key, Profile]) -> dict[str, tuple[str, Key | None]]:
    """Why columns are not counted, and the first part where it is so; None where it is in all.

    Words that say that a column is absent give way to others, because more can be done about these.
    """
    seen = Obstacles()
    deque(seen.passed(parts.items()), maxlen=0)
    return seen.told()


class Obstacles:
    """Collects them from parts that pass."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, Key]] = {}
        self._number: Counter[tuple[str, str]] = Counter()
        self._parts = 0

    def passed(self, parts: Iterable[tuple[Key, Profile]]) -> Iterator[Profile]:
        """The parts, one at a time, as they were."""
        for key, part in parts:
            self._parts += 1
            for name, summary in part.summaries.items():
                if not (why := obstacle_of(summary)):
                    continue
                self._number[name, why] += 1
                known = self._found.get(name)
                if known is None or (known[0] in ABSENT and why not in ABSENT):
                    self._found[name] = why, key
            yield part

    def told(self) -> dict[str, tuple[str, Key | None]]:
        """As :func:`obstacles`."""
        everywhere = {place for place, number in self._number.items() if number == self._parts}
        return {
            name: (why, None if (name, why) in everywhere else key)
            for name, (why, key) in self._found.items()
        }
