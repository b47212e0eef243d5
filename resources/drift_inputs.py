"""What a person names to be compared: a table, a profile, or a store of profiles."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resources import table_files
from resources.profile_files import open_profile
from resources.table_files import STDIN, open_table

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.drift.profiles import Profile


@dataclass(frozen=True, slots=True)
class Opened:
    """One input.

    Attributes:
        name: as it was given.
        data: the profile, or the table, which is read when it is needed.
        read: what tells the parts of a store that were added up from others, which may be there
            now; empty for other inputs.
    """

    name: str
    data: "Profile | pl.LazyFrame"
    read: str = ""

    def identity(self) -> str:
        """What tells its bytes from others'; see :func:`.table_files.identity_of`.

        Raises:
            ClinicalError: it cannot be read any more.
        """
        return self.read or table_files.identity_of(self.name)


def open_input(name: str) -> Opened:
    """The profile of this name, the sum of a store's, or else the table.

    Raises:
        ClinicalError: it is none of them, or damaged.
    """
    from clinical_assets.drift.profiles.files import MAGIC, is_profile
    from resources.profile_store import ProfileStore
    from resources.store_settings import is_store

    if is_store(Path(name)):
        summed = ProfileStore(Path(name)).read()
        return Opened(name, summed.profile, summed.identity)
    if name != STDIN and Path(name).is_file():
        try:
            with Path(name).open("rb") as file:
                start = file.read(len(MAGIC))
        except OSError:
            return Opened(name, open_table(name))  # which says what is wrong
        if is_profile(start) or (start and MAGIC.startswith(start)):  # what was cut, too
            return Opened(name, open_profile(name))
    return Opened(name, open_table(name))
