"""A folder of small profiles by day and site: any window, site or the fleet is a sum of some.

What belongs here: putting parts, and adding up those that answer a question. What does not: how
profiles are made and added (:mod:`clinical_assets.drift.profiles`), when a part begins
(:mod:`.store_times`), where it lies (:mod:`.store_paths`).

``store.json`` says what a part is, ``reference.profile`` holds the grid that all are counted on,
and ``DAY/SITE.profile`` one part each, names percent-encoded. A part is written whole or not at
all, and a day costs what it holds, however many are there. Who writes holds ``store.lock``, also
who begins the store, so that all parts are on one grid. ``store.putting`` names the parts of a
writer until all of them are there. New ones do not count before, and the next writer takes away
what one that was killed left; of replaced ones nothing is told until the replacement is whole. What
is read is of one moment (:mod:`.store_moment`), however many writers there are.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from clinical_assets.drift.profiles import Profile, merged
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.files import from_bytes
from clinical_assets.errors import ClinicalError
from resources.locks import held
from resources.profile_files import bytes_of, open_profile, write_profile
from resources.store_moment import LOCK, WAIT, Moment, at_one_moment
from resources.store_obstacles import ABSENT, Key, Obstacles, obstacle_of
from resources.store_paths import (
    day_of,
    demand_names,
    listed,
    named,
    path_of,
    sites_of,
    untimed_in,
)
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
from resources.store_untimed import covered, demand_known, is_untimed, with_spans

_UNFINISHED_PART = re.compile(r"\..*\.\d+\.part", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Put:
    """What a replacement left, and what it lost.

    Attributes:
        kept: other sites' parts of the same days, which are as they were.
        lost: columns that had counts in a part and are not in its new table, and the first such
            part.
        fewer: rows before and now, of parts that have fewer than before.
    """

    kept: tuple[Key, ...] = ()
    lost: Mapping[str, Key] = field(default_factory=dict)
    fewer: Mapping[Key, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """What a store gave.

    Attributes:
        profile: the sum of its parts.
        identity: what tells these very parts from others; see :meth:`ProfileStore.identity`.
    """

    profile: Profile
    identity: str


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
            with held(folder / LOCK, wait_seconds=WAIT):
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
        parts = with_spans(parts, self._clock)
        demand_names(self.folder, parts)
        with held(self.folder / LOCK, wait_seconds=WAIT):
            self._take_away_unfinished()
            there = [key for key in parts if self._file(key).exists()]
            if there and not replace:
                raise self._twice(there)
            before = {key: {key} for key in there}
            beside: set[Key] = set()
            if replace:
                beside = self._add_untimed(parts, before)
            lost, fewer = self._lost(parts, before)
            self._put(parts, before)
            # Of these days alone: a day costs what it holds.
            days = dict.fromkeys(day for day, _ in parts) if replace else ()
            kept = [(day, site) for day in days for site in sites_of(day_of(self.folder, day))]
        kept += sorted(beside.difference(kept))
        return Put(tuple(key for key in kept if key not in parts), lost, fewer)

    def _add_untimed(self, parts: Mapping[Key, Profile], before: dict[Key, set[Key]]) -> set[Key]:
        """Adds to ``before`` whose place the rows without a time take; the others of these days.

        Raises:
            ClinicalError: it cannot be told whether some are the same rows.
        """
        whole, some = covered(parts, untimed_in(self.folder, self._clock), self._clock)
        mine = {site: (day, site) for day, site in parts if is_untimed((day, site))}
        demand_known(some - parts.keys(), set(mine), self._file)
        for key in whole:
            if key[1] in mine:
                before.setdefault(mine[key[1]], set()).add(key)
        return {key for key in whole | some if key[1] not in mine}

    def _twice(self, there: list[Key]) -> ClinicalError:
        are = "One is" if len(there) == 1 else f"{len(there):,} are"
        first = self._clock.told(there[0][0]), there[0][1]
        return ClinicalError(
            f"{are} in the store already, the first {' '.join(first)}; counted twice, rows"
            " would weigh double",
            where=str(self.folder),
            repair="Give rows of other days. Or, to count these anew, give all rows that the store"
            " has of them and the new ones in one call (it takes several INPUTs) with --replace:"
            " what is not given again is gone",
        )

    def _lost(
        self, parts: Mapping[Key, Profile], before: Mapping[Key, set[Key]]
    ) -> tuple[dict[str, Key], dict[Key, tuple[int, int]]]:
        lost: dict[str, Key] = {}
        fewer: dict[Key, tuple[int, int]] = {}
        for key, olds in before.items():
            try:
                old = merged(self.part(each) for each in sorted(olds))
            except ClinicalError:
                continue  # a damaged part is what is to be replaced
            if parts[key].rows < old.rows:
                fewer[key] = old.rows, parts[key].rows
            for name, summary in parts[key].summaries.items():
                why = obstacle_of(summary)
                if not why or name not in old.summaries or obstacle_of(old.summaries[name]):
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
        return lost, fewer

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

    def _put(self, parts: Mapping[Key, Profile], before: Mapping[Key, set[Key]]) -> None:
        # Cut off ones are of other parts: whoever gives them again mends them.
        _, cut_off = self._putting.unfinished()
        gone = set().union(*before.values()) - parts.keys()
        # What takes the place of another is no new part, which would be taken away after a kill.
        self._putting.tell(parts.keys() - before.keys(), cut_off | before.keys() | gone)
        try:
            for folder in {self._file(key).parent for key in parts}:
                folder.mkdir(exist_ok=True)
                sweep(folder, _UNFINISHED_PART)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        for key, profile in parts.items():
            write_profile(profile, self._file(key), grid=False)
        self._take_away(gone)
        self._putting.tell((), cut_off - parts.keys() - gone)

    def _take_away(self, keys: Iterable[Key]) -> None:
        for file in map(self._file, sorted(keys)):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(self.folder, error) from None
            with suppress(OSError):  # other sites' parts are there
                file.parent.rmdir()

    def keys(
        self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()
    ) -> list[Key]:
        """Day and site of each part, in order of time and site; rows without a time at the end.

        As of one moment: parts that are being put are not among them until all of them are there; a
        replacement under way is waited for. A part that is read afterwards may be a newer one:
        :meth:`read` does both at one moment.

        Args:
            since, until: when parts begin: days as ``2026-01-31``, of hours also
                ``2026-01-31 08:00``; the first is included, the second is not, and with either no
                part without a time is. Both are of the store's zone where they have no offset.
            sites: which; all where empty.

        Raises:
            ClinicalError: one of both is no such time, a profile in the folder is of no day, or a
                replacement was cut off.
        """

        def found(moment: Moment) -> list[Key]:
            return moment.whole(self._listed(since, until, sites))

        return at_one_moment(self.folder, found, self._named)

    def _listed(
        self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()
    ) -> list[Key]:
        return listed(self.folder, self._clock, since, until, sites)

    def part(self, key: Key) -> Profile:
        """One part.

        Raises:
            ClinicalError: it is not there, is damaged, or is on another grid.
        """
        return self._part_of(bytes_of(str(self._file(key))), key)

    def _part_of(self, data: bytes, key: Key) -> Profile:
        found = from_bytes(data, str(self._file(key)), grid=self.reference.grid)
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
        """The profile that :meth:`read` gives."""
        return self.read(since, until, sites).profile

    def read(self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()) -> Read:
        """The profile of all rows of these days and sites, see :meth:`keys`, and its identity.

        Both are of one moment: of each call of a writer all parts are in it or none, also where it
        replaces some; the parts are read again where a writer takes a step meanwhile. A column that
        could be counted in some parts only is not counted in the sum; the first part in which it
        could not is said.

        Raises:
            ClinicalError: there are none, a part is damaged, or as :meth:`keys`.
        """
        return at_one_moment(
            self.folder, lambda moment: self._read(moment, since, until, sites), self._named
        )

    def _read(self, moment: Moment, since: str, until: str, sites: frozenset[str]) -> Read:
        chosen = moment.whole(self._listed(since, until, sites))
        if lost := sorted(sites - {site for _, site in chosen}):
            others = {site for _, site in self._listed()}
            raise ClinicalError(
                f"The store has nothing of {', '.join(lost)} there",
                where=str(self.folder),
                repair=f"Choose among {', '.join(sorted(others))}",
            )
        if not chosen:
            raise ClinicalError(
                "The store has no rows of these days",
                where=str(self.folder),
                repair="Choose days between the first and the last of its folders",
            )
        seen, summaries, digest = Obstacles(), {}, self._digest()

        def part(key: Key) -> tuple[Key, Profile]:
            data = bytes_of(str(self._file(key)))
            digest.add(data)
            return key, self._part_of(data, key)

        # One at a time: a year of sites does not fit into memory, its sum does.
        found = merged(seen.passed(map(part, chosen)))
        for name, (why, key) in seen.told().items():
            told = found.summaries[name]
            if key and why not in ABSENT and isinstance(told, BareSummary):
                first = f"{told.obstacle}, first {self._named(key)}"
                summaries[name] = replace(told, obstacle=first)
        found = replace(found, summaries={**found.summaries, **summaries})
        return Read(found, digest.told())

    def identity(self) -> str:
        """What tells the store's content from another's: how many parts, and a SHA-256 of all.

        As of one moment; of the parts that were added up :meth:`read` tells it.

        Raises:
            ClinicalError: a part cannot be read, or as :meth:`keys`.
        """

        def digested(moment: Moment) -> str:
            digest = self._digest()
            for key in moment.whole(self._listed()):
                digest.add(bytes_of(str(self._file(key))))
            return digest.told()

        return at_one_moment(self.folder, digested, self._named)

    def _digest(self) -> "_Digest":
        return _Digest(bytes_of(str(self.folder / REFERENCE)))

    @property
    def _clock(self) -> Clock:
        return Clock(self.parting.every, self.parting.zone)

    def _named(self, key: Key) -> str:
        return named(key, self.parting)

    def _file(self, key: Key) -> Path:
        return path_of(self.folder, key)


class _Digest:
    """SHA-256 over the SHA-256 of each file, the reference's first."""

    def __init__(self, reference: bytes) -> None:
        self._digest = hashlib.sha256(hashlib.sha256(reference).digest())
        self._parts = 0

    def add(self, part: bytes) -> None:
        self._digest.update(hashlib.sha256(part).digest())
        self._parts += 1

    def told(self) -> str:
        return f"store of {self._parts} profiles, SHA-256 {self._digest.hexdigest()}"
