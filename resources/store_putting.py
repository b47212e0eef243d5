"""What a writer of a store of profiles is putting, so that readers see all of it or nothing.

What belongs here: the file that names the parts on their way. What does not: the parts' files, and
who may write (:mod:`.profile_store`). New parts do not count while they are named; of replaced ones
some may be the old and some the new ones, until a replacement that was cut off is made again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.errors import ClinicalError
from resources.store_obstacles import Key
from resources.written_files import write_output

NAME = "store.putting"


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
        except (OSError, ValueError, TypeError):
            raise ClinicalError(
                "The store of profiles does not tell which of its parts are whole",
                where=str(self.file),
                repair="Remove that file, and give the days that were being added once more with"
                " --replace",
            ) from None
        return new, replaced

    def tell(self, new: Iterable[Key], replaced: Iterable[Key]) -> None:
        """Names the parts on their way.

        Raises:
            ClinicalError: it cannot be written.
        """
        told = [*sorted(new), *((*key, "replaced") for key in sorted(replaced))]
        write_output(self.file, json.dumps(told) + "\n")

    def state(self) -> tuple[int, int] | None:
        """What is another one after each step of a writer."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns
