"""What a person names to be compared: a table, a profile, or a store of profiles."""

from pathlib import Path
from typing import TYPE_CHECKING

from resources import table_files
from resources.profile_files import open_profile
from resources.table_files import STDIN, open_table

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.drift.profiles import Profile


_READ: dict[str, str] = {}
"""Identities of the stores that this process added up, by name: a store may be another one now."""


def open_input(name: str) -> "Profile | pl.LazyFrame":
    """The profile of this name, the sum of a store's, or else the table.

    Raises:
        ClinicalError: it is none of them, or damaged.
    """
    from clinical_assets.drift.profiles.files import MAGIC, is_profile
    from resources.profile_store import ProfileStore
    from resources.store_settings import is_store

    if is_store(Path(name)):
        read = ProfileStore(Path(name)).read()
        _READ[name] = read.identity
        return read.profile
    if name != STDIN and Path(name).is_file():
        try:
            with Path(name).open("rb") as file:
                start = file.read(len(MAGIC))
        except OSError:
            return open_table(name)  # which says what is wrong
        if is_profile(start) or (start and MAGIC.startswith(start)):  # what was cut, too
            return open_profile(name)
    return open_table(name)


def identity_of(name: str) -> str:
    """What tells an input's bytes from others'; see :func:`.table_files.identity_of`.

    Of a store that :func:`open_input` added up, that of the very parts that it read then; of any
    other what is there now.

    Raises:
        ClinicalError: it cannot be read.
    """
    from resources.profile_store import ProfileStore
    from resources.store_settings import is_store

    if is_store(Path(name)):
        return _READ.get(name) or ProfileStore(Path(name)).identity()
    return table_files.identity_of(name)
