"""Profiles in files."""

from pathlib import Path
from typing import TYPE_CHECKING

from clinical_assets.errors import ClinicalError
from resources.written_files import write_output

if TYPE_CHECKING:
    from clinical_assets.drift.profiles import Profile


def open_profile(name: str) -> "Profile":
    """The profile in this file.

    Raises:
        ClinicalError: it cannot be read, is none, is damaged, or is of a newer version.
    """
    from clinical_assets.drift.profiles.files import from_bytes

    return from_bytes(bytes_of(name), name)


def bytes_of(name: str) -> bytes:
    """What this file holds.

    Raises:
        ClinicalError: it cannot be read.
    """
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ClinicalError(
            f"The profile cannot be read ({error.strerror or type(error).__name__})",
            where=name,
            repair="Check the path and your rights to it",
        ) from None


def write_profile(profile: "Profile", path: Path, *, grid: bool = True) -> int:
    """Writes a profile, whole or not at all; its size in bytes.

    Args:
        grid: whether its grid is in the file; else it has to be given when the file is read.

    Raises:
        ClinicalError: it cannot be written.
    """
    data = profile.to_bytes(grid=grid)
    write_output(path, data)
    return len(data)
