"""What a writer of a store of profiles is putting, so that readers see all of it or nothing.

What belongs here: the file that names the parts on their way. What does not: the parts' files, who
may write (:mod:`.profile_store`), and how readers keep to it (:mod:`.store_moment`). New parts do
not count while they are named; of replaced ones some may be the old and some the new ones, until a
replacement that was cut off is made again. A writer names its parts before the first is written and
takes the names away after the last, and the file is another one each time: what was read between
two looks at the same file is of one moment.
"""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.errors import ClinicalError
from resources.store_obstacles import Key
from resources.written_files import write_output

NAME = "store.putting"
_STEP = ""  # the day of an entry that names no part; earlier versions take it for one replaced

State = tuple[bytes, int, int]


@dataclass(frozen=True, slots=True)
class Putting:
    """That file in a store's folder."""

    folder: Path

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.folder / NAME

    def unfinished(self) -> tuple[set[Key], set[Key]]:
        """New parts, and replaced ones, of a writer that is at work or was killed.

        Raises:
            ClinicalError: the file is damaged.
        """
        try:
            told = json.loads(self.file.read_text(encoding="utf-8"))
            found = [tuple(map(str, each)) for each in told]
            new = {(day, site) for day, site in (each for each in found if len(each) == 2)}
            replaced = {(day, site) for day, site, _ in (each for each in found if len(each) != 2)}
        except FileNotFoundError:
            return set(), set()
        except (OSError, ValueError, TypeError, RecursionError):
            raise ClinicalError(
                "The store of profiles does not tell which of its parts are whole",
                where=str(self.file),
                repair="Remove that file, and give the days that were being added once more with"
                " --replace",
            ) from None
        return new, {key for key in replaced if key[0] != _STEP}

    def tell(self, new: Iterable[Key], replaced: Iterable[Key]) -> None:
        """Names the parts on their way.

        Raises:
            ClinicalError: it cannot be written.
        """
        told = [*sorted(new), *((*key, "replaced") for key in sorted(replaced))]
        # A word that no step had before: the number and the time of a file may come again.
        write_output(self.file, json.dumps([*told, (_STEP, "", secrets.token_hex(8))]) + "\n")

    def state(self) -> State | None:
        """What is another one after each step of a writer; None before the first.

        Raises:
            ClinicalError: the file cannot be read.
        """
        try:
            with self.file.open("rb") as file:
                found = os.fstat(file.fileno())
                return file.read(), found.st_ino, found.st_mtime_ns
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ClinicalError(
                f"The store of profiles cannot be read ({error.strerror or type(error).__name__})",
                where=str(self.file),
                repair="Check your rights to it",
            ) from None
