"""Beginning a store of profiles, and what its parts are.

What belongs here: the folder before there are parts, and the file that says what a part is. What
does not: parts (:mod:`.profile_store`). ``store.json`` is written last, so that what was begun and
cut off is begun again.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from clinical_assets.drift.profiles import Profile
from clinical_assets.errors import ClinicalError
from resources.profile_files import write_profile
from resources.written_files import write_output

REFERENCE = "reference.profile"
_FORMAT = 1
_SETTINGS = "store.json"
UNFINISHED = re.compile(r"\.(reference\.profile|store\.json|store\.putting)\.\d+\.part")
"""What a process that was killed may leave in the store's folder."""
_BEGUN = re.compile(rf"reference\.profile|store\.lock.*|{UNFINISHED.pattern}")


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


def is_store(folder: Path) -> bool:
    """Whether there is a store."""
    return (folder / _SETTINGS).is_file()


def store_around(path: Path) -> Path | None:
    """The store in whose folder a path lies, at any depth; None where it lies in none."""
    # Both files, because far up the tree the name of one may be anybody's.
    return next(
        (f for f in path.resolve().parents if is_store(f) and (f / REFERENCE).is_file()), None
    )


def demand_room(folder: Path) -> None:
    """Makes the folder, and refuses one that holds something else."""
    try:
        folder.mkdir(exist_ok=True)
        strange = any(not _BEGUN.fullmatch(entry.name) for entry in folder.iterdir())
    except OSError as error:
        raise unwritable(folder, error) from None
    # Another process may have begun the store meanwhile, and put parts into it.
    if strange and not is_store(folder):
        raise ClinicalError(
            "The folder holds something else than profiles by day and site",
            where=str(folder),
            repair="Name an empty or a new folder",
        )


def make(folder: Path, reference: Profile, parting: Parting) -> None:
    """Writes what a new store consists of; who calls holds the lock.

    Raises:
        ClinicalError: it cannot be written.
    """
    try:
        sweep(folder, UNFINISHED)
    except OSError as error:
        raise unwritable(folder, error) from None
    write_profile(reference, folder / REFERENCE)
    settings = {"format": _FORMAT, **asdict(parting)}
    write_output(folder / _SETTINGS, json.dumps(settings, ensure_ascii=False) + "\n")


def sweep(folder: Path, names: re.Pattern[str]) -> None:
    """Removes what a process that was killed left half written; who calls holds the lock."""
    for entry in folder.iterdir():
        if names.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def read_parting(folder: Path) -> Parting:
    """What the parts of the store there are.

    Raises:
        ClinicalError: there is no store, it is damaged, or of a newer version.
    """
    file = folder / _SETTINGS
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


def told(parting: Parting) -> str:
    """What a part is, in words."""
    by = f" by {parting.by}" if parting.by else ""
    zone = f" in {parting.zone}" if parting.zone else ""
    return f"{parting.every} of {parting.time}{zone}{by}"


def unwritable(folder: Path, error: OSError) -> ClinicalError:
    """The refusal that follows from an error of the file system."""
    return ClinicalError(
        f"The store cannot be written ({error.strerror or type(error).__name__})",
        where=str(folder),
        repair="Name a folder that you may write to",
    )
