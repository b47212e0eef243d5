"""The ledger as files, and from files into a database: one form for SQLite and PostgreSQL.

What belongs here: a copy of all entries from one transaction, and writing them into an empty
database with the tree made anew. What does not: where backups lie
(:mod:`resources.backups.making`).

``head.note`` is the signed checkpoint of the copied state, ``checkpoints.json`` those that were
kept, ``keys.vkey`` the public keys, and ``entries-NNNNNNNNNNNN.jsonl`` the entries' bytes, one a
line, :data:`SEGMENT` to a file; a full file never changes again. Nodes, peaks and open acts are
not copied: they follow from the entries. ``accounts.jsonl`` holds the records of the identity
register, hashes of secrets among them, readable by its owner only; sessions end with a restore.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, inspect, select

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, read, set_aside
from clinical_assets.ledger.entry import Entry, read_entry, time_text
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from clinical_assets.ledger.verification import Report, Row, verify_ledger
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_database.head import Head
from resources.ledger_database.identity_tables import ACCOUNTS
from resources.ledger_database.migrations import LAYOUT, migrate
from resources.ledger_database.rows import search_columns
from resources.ledger_database.scan import bodies
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.tables import (
    CHECKPOINTS,
    ENTRIES,
    HEAD,
    LAYOUTS,
    NODES,
    OPEN_ACTS,
    create_tables,
)

SEGMENT = 16_384
HEAD_FILE, CHECKPOINT_FILE, KEY_FILE = "head.note", "checkpoints.json", "keys.vkey"
ACCOUNT_FILE = "accounts.jsonl"
_PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class LedgerCopy:
    """A ledger that lies in files: its parts but the entries, which are read one by one.

    Attributes:
        folder: where the files lie.
        head: signed note of the state that was copied.
        notes: checkpoints that were kept with it.
        keys: public keys that lie beside it; believed only by who has nothing better.
    """

    folder: Path
    head: str
    notes: tuple[str, ...]
    keys: tuple[PublicKey, ...]

    @property
    def origin(self) -> str:
        """The ledger's name."""
        return read(self.head).origin

    @property
    def size(self) -> int:
        """How many entries the head speaks of."""
        return read(self.head).size

    def rows(self) -> Iterator[Row]:
        """The entries as rows, in the order of the files; the number is that of the line."""
        seq = 0
        for path in sorted(self.folder.glob("entries-*.jsonl")):
            with path.open("rb") as file:
                for line in file:
                    body = line.removesuffix(b"\n")
                    yield Row(seq, body, leaf_hash(body))
                    seq += 1

    def accounts(self) -> list[bytes]:
        """The records of the identity register, as they were kept; sessions are not copied."""
        return (self.folder / ACCOUNT_FILE).read_bytes().splitlines()

    def verified(self, keys: Sequence[PublicKey]) -> Report:
        """Every entry against numbers, hashes and checkpoints, the head among them."""
        return verify_ledger(self.origin, self.rows(), [*self.notes, self.head], keys)


def copy_ledger(store: LedgerStore, folder: Path) -> LedgerCopy:
    """Writes one state of the ledger into ``folder``, proven while it is copied.

    Nobody is kept from appending meanwhile: it is one transaction that sees one state.

    Raises:
        ClinicalError: the ledger does not hold what its signed head says; nothing is a backup then.
    """
    with store.reading() as connection:
        head = store.verified_head(connection)
        notes = connection.execute(select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size))
        # What only a withdrawn key signed would refute the copy, and is no evidence of anything.
        keys, withdrawn = tuple(store.keys.trusted()), store.keys.withdrawn()
        kept = tuple(set_aside([str(note) for note in notes.scalars()], keys, withdrawn)[0])
        accounts = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.id)).all()
        frontier = Frontier()
        rows = bodies(connection, store.engine.place)
        while part := list(islice(rows, SEGMENT)):
            name = f"entries-{frontier.size:012d}.jsonl"
            with (folder / name).open("xb") as file:
                for body in part:
                    frontier.add(leaf_hash(body))
                    file.write(body + b"\n")
    stated = read(head.note)
    if (frontier.size, frontier.root()) != (stated.size, stated.root):
        raise _refused("its entries are not those that its signed head speaks of", store)
    (folder / HEAD_FILE).write_text(head.note, encoding="utf-8")
    (folder / CHECKPOINT_FILE).write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    with os.fdopen(os.open(folder / ACCOUNT_FILE, _PRIVATE, 0o600), "wb") as file:
        file.writelines(bytes(row.record) + b"\n" for row in accounts)
    (folder / KEY_FILE).write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
    return LedgerCopy(folder, head.note, kept, keys)


def open_copy(folder: Path) -> LedgerCopy:
    """The copy that lies in ``folder``; not verified yet.

    Raises:
        ClinicalError: a part is missing or cannot be read.
    """
    try:
        head = (folder / HEAD_FILE).read_text(encoding="utf-8")
        notes = json.loads((folder / CHECKPOINT_FILE).read_text(encoding="utf-8"))
        lines = (folder / KEY_FILE).read_text(encoding="utf-8").splitlines()
        read(head)
        keys = tuple(PublicKey.parse(line) for line in lines if line.strip())
        return LedgerCopy(folder, head, tuple(str(note) for note in notes), keys)
    except (OSError, ValueError, TypeError) as error:
        raise ClinicalError(
            f"The ledger's copy cannot be read ({type(error).__name__})",
            where=folder.name,
            repair="Take another backup",
        ) from error


def load_ledger(url: str, copy: LedgerCopy) -> None:
    """Writes a copy into a database that holds no ledger; all of it or nothing.

    The copy must have been verified before. The head that it carries is put in force as it is: the
    next append verifies its signature.

    Raises:
        ClinicalError: there is a ledger already, or the database refuses.
    """
    engine = LedgerEngine(url)
    try:
        with engine.reading() as connection:  # makes the file and its folder, too
            if _has_ledger(connection):
                raise _occupied(engine.place)
        with engine.writing() as transaction:
            connection = transaction.connection
            create_tables(connection)
            migrate(connection, 1)
            if _has_ledger(connection):
                raise _occupied(engine.place)
            connection.execute(insert(LAYOUTS).values(number=LAYOUT, origin=copy.origin))
            _fill(connection, copy)
    finally:
        engine.close()


def holds_ledger(url: str) -> bool:
    """Whether the database holds a ledger; makes nothing but an empty database file."""
    engine = LedgerEngine(url)
    if engine.embedded and not Path(str(engine.url.database)).exists():
        return False
    try:
        with engine.reading() as connection:
            return _has_ledger(connection)
    finally:
        engine.close()


def _has_ledger(connection: Connection) -> bool:
    if not inspect(connection).has_table(LAYOUTS.name):
        return False
    return bool(connection.execute(select(func.count()).select_from(LAYOUTS)).scalar())


def _fill(connection: Connection, copy: LedgerCopy) -> None:
    frontier, open_acts, at = Frontier(), dict[str, int](), ""
    path: tuple[bytes, ...] = ()
    rows = copy.rows()
    while part := list(islice(rows, _ROWS_AT_ONCE)):
        entries, nodes = [], []
        for row in part:
            entry = read_entry(row.body)
            at = time_text(entry.at)
            entries.append(_columns(entry, row))
            peaks = frontier.peaks
            completed = frontier.add(row.leaf)
            path = peaks[: -len(completed) - 1 : -1]
            for level, node in enumerate(completed, start=1):
                nodes.append({"level": level, "place": row.seq >> level, "hash": node})
            if entry.act.outcome == "intended":
                open_acts[entry.act.act] = entry.seq
            else:
                open_acts.pop(entry.act.act, None)
        connection.execute(insert(ENTRIES), entries)
        if nodes:
            connection.execute(insert(NODES), nodes)
    stated = read(copy.head)
    if (frontier.size, frontier.root()) != (stated.size, stated.root):
        raise ClinicalError(
            "The backup's entries are not those that its signed head speaks of",
            where=copy.folder.name,
            repair="Take another backup",
        )
    for record in copy.accounts():
        known = str(json.loads(record)["person"]["id"])
        connection.execute(insert(ACCOUNTS).values(id=known, record=record))
    for note in copy.notes:
        connection.execute(insert(CHECKPOINTS).values(size=read(note).size, note=note))
    if open_acts:  # of processes that are no more: they count as interrupted
        connection.execute(
            insert(OPEN_ACTS), [{"act": a, "seq": s, "writer": ""} for a, s in open_acts.items()]
        )
    head = Head(frontier.size, copy.head, frontier.peaks, path, at)
    connection.execute(delete(HEAD))
    connection.execute(insert(HEAD).values(one=1, **head.row()))


def _columns(entry: Entry, row: Row) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "leaf": row.leaf,
        "body": row.body,
        "at": time_text(entry.at),
        **search_columns(entry.act),
    }


def _refused(what: str, store: LedgerStore) -> ClinicalError:
    return ClinicalError(
        f"No backup of the ledger is made: {what}",
        where=store.engine.place,
        repair="Keep the database for the investigation and run `clinical ledger verify`",
    )


def _occupied(place: str) -> ClinicalError:
    return ClinicalError(
        "There is a ledger already, and it is never overwritten",
        where=place,
        repair="Keep it; name an empty database in CLINICAL_LEDGER_URL, or give --replace, which"
        " moves a ledger in a file aside",
    )
