"""Profiles that a person names on the command line, and tables beside them."""

from pathlib import Path
from typing import TYPE_CHECKING

from clinical_assets.errors import ClinicalError
from resources.table_files import STDIN, open_table

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.drift.profiles import Profile


def open_side(name: str) -> "Profile | pl.LazyFrame":
    """The profile of this name, or else the table, told apart by what the file begins with."""
    from clinical_assets.drift.profiles.files import MAGIC, is_profile

    if name != STDIN and Path(name).is_file():
        try:
            with Path(name).open("rb") as file:
                start = file.read(len(MAGIC))
        except OSError:
            return open_table(name)  # which says what is wrong
        if is_profile(start):
            return open_profile(name)
    return open_table(name)


def open_profile(name: str) -> "Profile":
    """The profile in this file.

    Raises:
        ClinicalError: it cannot be read, is none, is damaged, or is of a newer version.
    """
    from clinical_assets.drift.profiles.files import from_bytes

    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise _unusable("read", error, name) from None
    return from_bytes(data, name)


def write_profile(profile: "Profile", path: Path) -> int:
    """Writes a profile, whole or not at all; its size in bytes.

    Raises:
        ClinicalError: it cannot be written.
    """
    data = profile.to_bytes()
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise _unusable("written", error, str(path)) from None
    return len(data)


def _unusable(what: str, error: OSError, name: str) -> ClinicalError:
    return ClinicalError(
        f"The profile cannot be {what} ({error.strerror or type(error).__name__})",
        where=name,
        repair="Check the path and your rights to it",
    )
