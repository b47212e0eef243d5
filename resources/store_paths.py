"""Where the parts of a store of profiles lie, and which are there.

What belongs here: names of folders and files, and listing them. What does not: which of them count
(:mod:`.store_moment`), and what they hold (:mod:`.profile_store`).
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote

from clinical_assets.drift.cutting import NO_TIME
from clinical_assets.errors import ClinicalError
from resources.store_obstacles import Key
from resources.store_settings import Parting
from resources.store_times import Clock

SUFFIX = ".profile"
_LONGEST = 200  # bytes; file systems take 255, and a file that is being written has a longer name


def path_of(folder: Path, key: Key) -> Path:
    """The file of a part."""
    day, site = key
    return day_of(folder, day) / f"{quote(site, safe=' ')}{SUFFIX}"


def day_of(folder: Path, day: str) -> Path:
    """The folder of a day's parts."""
    return folder / quote(day, safe=" ")


def sites_of(day: Path) -> list[str]:
    """Sites that have a part in a day's folder, in order."""
    return sorted(unquote(f.name.removesuffix(SUFFIX)) for f in day.glob(f"*{SUFFIX}"))


def demand_names(folder: Path, keys: Iterable[Key]) -> None:
    """Refuses sites that no file can be named after.

    Raises:
        ClinicalError: a name is too long.
    """
    for key in keys:
        file = path_of(folder, key)
        if max(len(file.name), len(file.parent.name)) > _LONGEST:
            raise ClinicalError(
                f"The name of a site is too long for a file ({len(key[1])} letters)",
                where=str(folder),
                repair="Choose a column of short names of sites with --by",
            )


def named(key: Key, parting: Parting) -> str:
    """Day and site in words; the day alone where sites are not told apart."""
    return " ".join(key) if parting.by else key[0]


def listed(
    folder: Path, clock: Clock, since: str = "", until: str = "", sites: Iterable[str] = ()
) -> list[Key]:
    """Parts that are there, in order of time and site; rows without a time at the end.

    Args:
        since, until: when parts begin, see :meth:`.profile_store.ProfileStore.keys`.
        sites: which; all where empty.

    Raises:
        ClinicalError: one of both is no such time, or a profile in the folder is of no day.
    """
    first, last = clock.asked("--since", since), clock.asked("--until", until)
    wanted, found = frozenset(sites), []
    for day in folder.glob("*/"):
        if not (names := sites_of(day)):
            continue
        begin = _begin(clock, day)
        if (first or last) and not _within(begin, first, last):
            continue
        order, label = (begin is None, begin or datetime.min), unquote(day.name)
        found += [(order, site, label) for site in names if not wanted or site in wanted]
    return [(label, site) for _, site, label in sorted(found)]


def untimed_in(folder: Path, clock: Clock) -> list[Key]:
    """Parts of rows without a time; no other day's folder is looked into.

    Raises:
        ClinicalError: a folder is of no such rows.
    """
    found = []
    for day in folder.glob(f"{quote(NO_TIME, safe=' ')}*/"):
        if names := sites_of(day):
            _begin(clock, day)
            found += [(unquote(day.name), site) for site in names]
    return found


def _begin(clock: Clock, folder: Path) -> datetime | None:
    try:
        return clock.begin(unquote(folder.name))
    except ValueError:
        raise ClinicalError(
            f"The store has a folder with profiles that is no part of {clock.every}",
            where=str(folder),
            repair="Take it out of the store, where --time alone writes",
        ) from None


def _within(begin: datetime | None, first: datetime | None, last: datetime | None) -> bool:
    if begin is None:
        return False
    return (first is None or begin >= first) and (last is None or begin < last)
