"""Whether a ledger may be begun here, and whether the one at hand is this installation's.

What belongs here: what the folder of keys says of a ledger that was here before. What does not:
keys (:mod:`.ledger_keys`) and making the ledger (:mod:`resources.ledger_database.store`). An empty
database in the place of a ledger would otherwise begin another one, in which nothing contradicts
anything: witnesses are asked by a ledger's name.

The key is on disk before the ledger's first transaction commits. So the name is kept in
``.ledger-beginning`` until then, and a beginning that was cut off goes on under the same name.
"""

from contextlib import suppress
from pathlib import Path

from clinical_assets.errors import ClinicalError
from resources.blobs import disk_faults, flush
from resources.ledger_keys import BEGINNING, LedgerKeys

_REPAIR = (
    "Restore it (`clinical backup restore`), or bring it back; to begin anew knowingly, name"
    " another CLINICAL_STORE and, where it is set, another CLINICAL_KEYS"
)


class Beginning:
    """What the keys allow for the database at ``place``."""

    def __init__(self, keys: LedgerKeys, place: str) -> None:
        self._keys, self._place = keys, place
        self._mark = keys.folder / BEGINNING

    def demand_new(self) -> str:
        """The name under which a ledger is begun, if none was here; or of one that was cut off.

        Raises:
            ClinicalError: keys tell that there was a ledger: it was lost or taken away.
        """
        begun = self._begun()
        if any(name != begun for name in self._keys.names()):
            raise ClinicalError(
                "The ledger is gone, but its key is here: it was deleted, emptied, or moved away",
                where=self._place,
                repair=_REPAIR,
            )
        return begun

    def name(self, new: str) -> str:
        """``new``, or the name that was kept where a beginning was cut off; until :meth:`accept`.

        Raises:
            ClinicalError: as there, or the folder of keys cannot be written.
        """
        name = self.demand_new() or new
        draft = self._mark.with_suffix(".draft")
        with disk_faults(self._keys.folder):
            self._keys.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_text(name, encoding="utf-8")
            flush(draft)
            draft.replace(self._mark)
            flush(self._keys.folder)
        return name

    def accept(self, origin: str) -> None:
        """Takes the ledger that was found or begun for this installation's.

        Raises:
            ClinicalError: the keys here are those of another one, or there are none: whoever begins
                a ledger has one by then.
        """
        self._keys.is_there(origin)
        known = set()
        for name in self._keys.names():
            if name == origin:
                break
            known.add(name)
        else:
            if known:
                raise ClinicalError(
                    "The ledger in the database is not the one whose keys are here, "
                    f"{min(known)}: it was replaced, or an address or a folder is wrong",
                    where=f"{self._place}, which holds {origin}",
                    repair=f"Set CLINICAL_LEDGER_URL and CLINICAL_KEYS to what belongs together. "
                    f"{_REPAIR}",
                )
            raise ClinicalError(
                "The ledger is here, but none of its keys: the folder of keys was deleted, emptied,"
                " or is another one",
                where=f"{self._keys.folder}, for {origin}",
                repair="Put the folder of keys back, or name it in CLINICAL_KEYS. Without a copy of"
                " the private key, put at least the ledger's public keys there, as a backup has"
                " them in keys/ledger-trusted; then `clinical ledger key rotate`",
            )
        if self._mark.exists():
            with suppress(OSError):  # a name that is kept too long is that of this ledger
                self._mark.unlink()
                flush(self._keys.folder)

    def _begun(self) -> str:
        with suppress(OSError, UnicodeDecodeError):
            return self._mark.read_text(encoding="utf-8")
        return ""


def demand_ledger(keys: LedgerKeys, database: Path) -> None:
    """Refuses before anything is made where the file of an embedded database is missing.

    Raises:
        ClinicalError: as :meth:`Beginning.demand_new`.
    """
    if database.exists():
        return
    try:
        Beginning(keys, str(database)).demand_new()
    except ClinicalError:
        if not database.exists():  # else another process has just begun it
            raise
