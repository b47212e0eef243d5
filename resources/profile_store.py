"""A folder of small profiles by day and site: any window, site or the fleet is a sum of some.

What belongs here: the folder's files, and which of them answer a question. What does not: how
profiles are made and added (:mod:`clinical_assets.drift.profiles`).

``store.json`` says what a part is, ``reference.profile`` holds the grid that all are counted on,
and ``DAY/SITE.profile`` one part each, names percent-encoded. A part is written whole or not at
all, and a day costs what it holds, however many are there.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from clinical_assets.drift.profiles import Profile, merged
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible
from resources.locks import held
from resources.profile_files import open_profile, read_part, write_profile
from resources.written_files import write_output

_FORMAT = 1
_SETTINGS = "store.json"
_REFERENCE = "reference.profile"
_SUFFIX = ".profile"
_LOCK = "store.lock"
_WAIT = 60.0
_LONGEST = 200  # bytes; file systems take 255, and a file that is being written has a longer name
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}([+-]\d{4})?)?")

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parting:
    """What a part is: rows of one length of time and one site.

    Attributes:
        time, by: the columns that tell them; ``by`` is empty where sites are not told apart.
        every: the length of time, such as ``1d``.
        zone: of the times; empty where they have none.
    """

    time: str
    by: str
    every: str
    zone: str = ""


class ProfileStore:
    """The store in a folder.

    Args:
        folder: made by :meth:`begun`.

    Raises:
        ClinicalError: it is none, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parting = _parting(folder / _SETTINGS)
        self.reference = open_profile(str(folder / _REFERENCE))

    @classmethod
    def begun(cls, folder: Path, reference: Profile, parting: Parting) -> "ProfileStore":
        """The store there, or a new one on the grid of ``reference``.

        Raises:
            ClinicalError: there is one of other parts or on another grid, or something else, or it
                cannot be written.
        """
        if not is_store(folder):
            _make(folder, reference, parting)
        store = cls(folder)
        if store.parting != parting:
            raise ClinicalError(
                f"The store's parts are other ones ({_told(store.parting)}, not {_told(parting)})",
                where=str(folder),
                repair="Give the same columns and length of time, or name another folder",
            )
        if store.reference.grid != reference.grid:
            raise ClinicalError(
                "The store was begun with another reference, so its parts would not add up with"
                " these",
                where=str(folder),
                repair=f"Leave --reference out, or give {folder / _REFERENCE}; or name another"
                " folder",
            )
        return store

    def put(self, parts: Mapping[Key, Profile], *, replace: bool = False) -> None:
        """Keeps these parts.

        Args:
            replace: whether a part takes the place of one of the same day and site.

        Raises:
            ClinicalError: one is there already, or a name is too long, and then none is kept; or
                another process puts parts; or they cannot be written.
        """
        for key in parts:
            self._demand_short(key)
        with held(self.folder / _LOCK, wait_seconds=_WAIT):
            self._put(parts, replace=replace)

    def _put(self, parts: Mapping[Key, Profile], *, replace: bool) -> None:
        there = [key for key in parts if self._file(key).exists()]
        if there and not replace:
            are = "One is" if len(there) == 1 else f"{len(there):,} are"
            raise ClinicalError(
                f"{are} in the store already, the first {' '.join(there[0])}; counted twice, rows"
                " would weigh double",
                where=str(self.folder),
                repair="Give rows of other days; or, if these are all rows of theirs, --replace",
            )
        for key, profile in parts.items():
            file = self._file(key)
            try:
                file.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise _unwritable(self.folder, error) from None
            write_profile(profile, file, grid=False)

    def keys(
        self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()
    ) -> Iterator[Key]:
        """Day and site of each part, in order.

        Args:
            since, until: days as ``2026-01-31``; the first is included, the second is not, and with
                either no part without a time is.
            sites: which; all where empty.
        """
        for file in sorted(self.folder.glob(f"*/*{_SUFFIX}")):
            key = unquote(file.parent.name), unquote(file.name.removesuffix(_SUFFIX))
            if _within(key[0], since, until) and (not sites or key[1] in sites):
                yield key

    def part(self, key: Key) -> Profile:
        """One part.

        Raises:
            ClinicalError: it is not there, is damaged, or is on another grid.
        """
        return read_part(self._file(key), self.reference.grid)

    def over(
        self, since: str = "", until: str = "", sites: frozenset[str] = frozenset()
    ) -> Profile:
        """The profile of all rows of these days and sites; see :meth:`keys`.

        Raises:
            ClinicalError: there are none, or a part is damaged.
        """
        for name, day in (("--since", since), ("--until", until)):
            if day and not _DAY.fullmatch(day):
                raise ClinicalError(
                    f"{visible(day)!r} is no day", where=name, repair="Write it as 2026-01-31"
                )
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
        return merged(self.part(key) for key in chosen)

    def identity(self) -> str:
        """What tells the store's content from another's: how many parts, and a SHA-256 of all."""
        digest = hashlib.sha256()
        keys = list(self.keys())
        for file in (self.folder / _REFERENCE, *map(self._file, keys)):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return f"store of {len(keys)} profiles, SHA-256 {digest.hexdigest()}"

    def _demand_short(self, key: Key) -> None:
        file = self._file(key)
        if max(len(file.name), len(file.parent.name)) > _LONGEST:
            raise ClinicalError(
                f"The name of a site is too long for a file ({len(key[1])} letters)",
                where=str(self.folder),
                repair="Choose a column of short names of sites with --by",
            )

    def _file(self, key: Key) -> Path:
        day, site = (quote(each, safe=" ") for each in key)
        return self.folder / day / f"{site}{_SUFFIX}"


def is_store(folder: Path) -> bool:
    """Whether there is a store."""
    return (folder / _SETTINGS).is_file()


def _within(day: str, since: str, until: str) -> bool:
    if not (since or until):
        return True
    return day[:1].isdigit() and day >= since and (not until or day < until)


def _make(folder: Path, reference: Profile, parting: Parting) -> None:
    try:
        folder.mkdir(exist_ok=True)
        strange = next((entry.name for entry in folder.iterdir() if entry.name != _REFERENCE), "")
    except OSError as error:
        raise _unwritable(folder, error) from None
    if strange:
        raise ClinicalError(
            "The folder holds something else than profiles by day and site",
            where=str(folder),
            repair="Name an empty or a new folder",
        )
    write_profile(reference, folder / _REFERENCE)
    # Last, so that what was begun and cut off is begun again.
    settings = {"format": _FORMAT, **asdict(parting)}
    write_output(folder / _SETTINGS, json.dumps(settings, ensure_ascii=False) + "\n")


def _parting(file: Path) -> Parting:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        number = int(found["format"])
        names = ("time", "by", "every", "zone")
        if not all(isinstance(found[name], str) for name in names):
            raise TypeError
        parting = Parting(*(found[name] for name in names))
    except (OSError, ValueError, TypeError, KeyError):
        raise ClinicalError(
            "The store of profiles is damaged",
            where=str(file),
            repair="Restore it, or make it anew",
        ) from None
    if number > _FORMAT:
        raise ClinicalError(
            f"The store of profiles is of format {number}, this program knows {_FORMAT}",
            where=str(file),
            repair="Use a newer version of this program",
        )
    return parting


def _told(parting: Parting) -> str:
    by = f" by {parting.by}" if parting.by else ""
    zone = f" in {parting.zone}" if parting.zone else ""
    return f"{parting.every} of {parting.time}{zone}{by}"


def _unwritable(folder: Path, error: OSError) -> ClinicalError:
    return ClinicalError(
        f"The store cannot be written ({error.strerror or type(error).__name__})",
        where=str(folder),
        repair="Name a folder that you may write to",
    )
