"""A folder of small profiles by day and site: any window, site or the fleet is a sum of some.

What belongs here: the folder's files, and which of them answer a question. What does not: how
profiles are made and added (:mod:`clinical_assets.drift.profiles`), when a part begins
(:mod:`.store_times`).

``store.json`` says what a part is, ``reference.profile`` holds the grid that all are counted on,
and ``DAY/SITE.profile`` one part each, names percent-encoded. A part is written whole or not at
all, and a day costs what it holds, however many are there. Who writes holds ``store.lock``, also
who begins the store, so that all parts are on one grid. ``store.putting`` names the parts of a
writer until all of them are there. New ones do not count before, and the next writer takes away
what one that was killed left; of replaced ones nothing is told until the replacement is whole.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote

from clinical_assets.drift.profiles import Profile, merged
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.errors import ClinicalError
from resources.locks import held
from resources.profile_files import open_profile, read_part, write_profile
from resources.store_obstacles import ABSENT, Key, Obstacles, obstacle_of
from resources.store_putting import Putting
from resources.store_settings import (
    REFERENCE,
    UNFINISHED,
    Parting,
    demand_room,
    is_store,
    make,
    read_parting,
    sweep,
    told,
    unwritable,
)
from resources.store_times import Clock

_SUFFIX = ".profile"
_LOCK = "store.lock"
_WAIT = 60.0
_LONGEST = 200  # bytes; file systems take 255, and a file that is being written has a longer name
_UNFINISHED_PART = re.compile(r"\..*\.\d+\.part", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Put:
    """What a replacement left, and what it lost.

    Attributes:
        kept: other sites' parts of the same days, which are as they were.
        lost: columns that had counts in a part and are not in its new table, and the first such
            part.
    """

    kept: tuple[Key, ...] = ()
    lost: Mapping[str, Key] = field(default_factory=dict)


class ProfileStore:
    """The store in a folder.

    Args:
        folder: made by :meth:`begun`.

    Raises:
        ClinicalError: it is none, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._putting = Putting(folder)
        self.parting = read_parting(folder)
        self.reference = open_profile(str(folder / REFERENCE))

    @classmethod
    def begun(
        cls, folder: Path, reference: Profile, parting: Parting, *, given: bool = True
    ) -> "ProfileStore":
        """The store there, or a new one on the grid of ``reference``.

        Args:
            given: whether it is this reference that is wanted; else one that is there already, as
                where another process began the store meanwhile, is as good.

        Raises:
            ClinicalError: there is one of other parts or on another grid, or something else, or
                another process holds the lock, or it cannot be written.
        """
        if not is_store(folder):
            demand_room(folder)
            with held(folder / _LOCK, wait_seconds=_WAIT):
                if not is_store(folder):
                    make(folder, reference, parting)
        store = cls(folder)
        if store.parting != parting:
            raise ClinicalError(
                f"The store's parts are other ones ({told(store.parting)}, not {told(parting)})",
                where=str(folder),
                repair="Give the same columns and length of time, or name another folder",
            )
        if given and store.reference.grid != reference.grid:
            raise ClinicalError(
                "The store was begun with another reference, so its parts would not add up with"
                " these",
                where=str(folder),
                repair=f"Leave --reference out, or give {folder / REFERENCE}; or name another"
                " folder",
            )
        return store

    def put(self, parts: Mapping[Key, Profile], *, replace: bool = False) -> Put:
        """Keeps these parts.

        Args:
            replace: whether a part takes the place of one of the same day and site.

        Raises:
            ClinicalError: one is there already, or a name is too long, or counts of a column would
                be replaced by none because its type is another one, and then nothing is kept; or
                another process puts parts; or they cannot be written, and then no new part is kept.
        """
        demand_names(self.folder, parts)
        with held(self.folder / _LOCK, wait_seconds=_WAIT):
            self._take_away_unfinished()
            there = [key for key in parts if self._file(key).exists()]
            if there and not replace:
                raise self._twice(there)
            lost = self._lost(parts, there)
            self._put(parts, there)
        # Of these days alone: a day costs what it holds.
        days = dict.fromkeys(day for day, _ in parts) if replace else ()
        beside = (
            (day, site) for day in days for site in _sites(self.folder / quote(day, safe=" "))
        )
        return Put(tuple(key for key in beside if key not in parts), lost)

    def _twice(self, there: list[Key]) -> ClinicalError:
        are = "One is" if len(there) == 1 else f"{len(there):,} are"
        return ClinicalError(
            f"{are} in the store already, the first {' '.join(there[0])}; counted twice, rows"
            " would weigh double",
            where=str(self.folder),
            repair="Give rows of other days; or, if these are all rows of theirs, --replace",
        )

    def _lost(self, parts: Mapping[Key, Profile], there: list[Key]) -> dict[str, Key]:
        lost: dict[str, Key] = {}
        for key in there:
            try:
                before = self.part(key).summaries
            except ClinicalError:
                continue  # a damaged part is what is to be replaced
            for name, summary in parts[key].summaries.items():
                why = obstacle_of(summary)
                if not why or name not in before or obstacle_of(before[name]):
                    continue
                if why not in ABSENT:
                    raise ClinicalError(
                        f"The counts of {name} that the store has of {self._named(key)} would be"
                        f" lost: {why}",
                        where=str(self.folder),
                        repair="Correct the column in the table; or take it out of the table, if"
                        " its counts may be lost",
                    )
                lost.setdefault(name, key)
        return lost

    def _take_away_unfinished(self) -> None:
        """Removes new parts of a writer that was killed; old parts that it replaced are gone."""
        new, replaced = self._putting.unfinished()
        try:
            for key in new:
                self._file(key).unlink(missing_ok=True)
            sweep(self.folder, UNFINISHED)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        if new:
            self._putting.tell((), replaced)

    def _put(self, parts: Mapping[Key, Profile], there: list[Key]) -> None:
        _, cut_off = (
            self._putting.unfinished()
        )  # of other parts: whoever gives them again mends them
        self._putting.tell(parts.keys() - set(there), cut_off | set(there))
        try:
            for folder in {self._file(key).parent for key in parts}:
                folder.mkdir(exist_ok=True)
                sweep(folder, _UNFINISHED_PART)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        for key, profile in parts.items():
            write_profile(profile, self._file(key), grid=False)
        self._putting.tell((), cut_off - parts.keys())

    def _demand_whole(self, chosen: Iterable[Key]) -> None:
        """Refuses parts of which some were replaced and some not; a writer at work is waited for.

        Raises:
            ClinicalError: a replacement was cut off, or does not end.
        """
        wanted = set(chosen)
        if not self._putting.unfinished()[1] & wanted:
            return
        with held(self.folder / _LOCK, wait_seconds=_WAIT):
            cut_off = sorted(self._putting.unfinished()[1] & wanted)
        if cut_off:
            raise ClinicalError(
                f"A replacement of parts was cut off, the first {self._named(cut_off[0])}: some are"
                " the old ones and some the new",
                where=str(self.folder),
                repair="Run the call with --replace again",
            )

    def keys(
        self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()
    ) -> Iterator[Key]:
        """Day and site of each part, in order of time and site; rows without a time at the end.

        Parts that are being put are not among them until all of them are there; a replacement
        under way is waited for.

        Args:
            since, until: when parts begin: days as ``2026-01-31``, of hours also
                ``2026-01-31 08:00``; the first is included, the second is not, and with either no
                part without a time is. Both are of the store's zone where they have no offset.
            sites: which; all where empty.

        Raises:
            ClinicalError: one of both is no such time, a profile in the folder is of no day, or a
                replacement was cut off.
        """
        while True:
            # A writer that begins or ends meanwhile would have some of its parts listed only.
            before = self._putting.state()
            found = self._listed(since, until, sites)
            new, _ = self._putting.unfinished()
            if self._putting.state() == before:
                break
        found = [key for key in found if key not in new]
        self._demand_whole(found)
        yield from found

    def _listed(self, since: str, until: str, sites: frozenset[str]) -> list[Key]:
        clock = Clock(self.parting.every, self.parting.zone)
        first, last = clock.asked("--since", since), clock.asked("--until", until)
        found = []
        for folder in self.folder.glob("*/"):
            if not (names := _sites(folder)):
                continue
            begin = _begin(clock, folder)
            if (first or last) and not _within(begin, first, last):
                continue
            order, day = (begin is None, begin or datetime.min), unquote(folder.name)
            found += [(order, site, day) for site in names if not sites or site in sites]
        return [(day, site) for _, site, day in sorted(found)]

    def part(self, key: Key) -> Profile:
        """One part.

        Raises:
            ClinicalError: it is not there, is damaged, or is on another grid.
        """
        found = read_part(self._file(key), self.reference.grid)
        if found.grid != self.reference.grid:
            raise ClinicalError(
                "The profile in the store is on another grid, so it cannot be added up",
                where=str(self._file(key)),
                repair="Take it out of the store's folder, where --time alone writes",
            )
        return found

    def over(
        self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()
    ) -> Profile:
        """The profile of all rows of these days and sites; see :meth:`keys`.

        A column that could be counted in some parts only is not counted in the sum; the first part
        in which it could not is said.

        Raises:
            ClinicalError: there are none, or a part is damaged.
        """
        chosen = list(self.keys(since, until, sites))
        if lost := sorted(sites - {site for _, site in chosen}):
            raise ClinicalError(
                f"The store has nothing of {', '.join(lost)} there",
                where=str(self.folder),
                repair=f"Choose among {', '.join(sorted({site for _, site in self.keys()}))}",
            )
        if not chosen:
            raise ClinicalError(
                "The store has no rows of these days",
                where=str(self.folder),
                repair="Choose days between the first and the last of its folders",
            )
        seen, summaries = Obstacles(), {}
        # One at a time: a year of sites does not fit into memory, its sum does.
        found = merged(seen.passed((key, self.part(key)) for key in chosen))
        for name, (why, key) in seen.told().items():
            told = found.summaries[name]
            if key and why not in ABSENT and isinstance(told, BareSummary):
                first = f"{told.obstacle}, first {self._named(key)}"
                summaries[name] = replace(told, obstacle=first)
        return replace(found, summaries={**found.summaries, **summaries})

    def identity(self) -> str:
        """What tells the store's content from another's: how many parts, and a SHA-256 of all."""
        digest = hashlib.sha256()
        keys = list(self.keys())
        for file in (self.folder / REFERENCE, *map(self._file, keys)):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return f"store of {len(keys)} profiles, SHA-256 {digest.hexdigest()}"

    def _named(self, key: Key) -> str:
        return named(key, self.parting)

    def _file(self, key: Key) -> Path:
        return _path(self.folder, key)


def demand_names(folder: Path, keys: Iterable[Key]) -> None:
    """Refuses sites that no file can be named after.

    Raises:
        ClinicalError: a name is too long.
    """
    for key in keys:
        file = _path(folder, key)
        if max(len(file.name), len(file.parent.name)) > _LONGEST:
            raise ClinicalError(
                f"The name of a site is too long for a file ({len(key[1])} letters)",
                where=str(folder),
                repair="Choose a column of short names of sites with --by",
            )


def named(key: Key, parting: Parting) -> str:
    """Day and site in words; the day alone where sites are not told apart."""
    return " ".join(key) if parting.by else key[0]


def _path(folder: Path, key: Key) -> Path:
    day, site = (quote(each, safe=" ") for each in key)
    return folder / day / f"{site}{_SUFFIX}"


def _sites(folder: Path) -> list[str]:
    """Sites that have a part in a day's folder, in order."""
    return sorted(unquote(f.name.removesuffix(_SUFFIX)) for f in folder.glob(f"*{_SUFFIX}"))


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
