"""The rows that an append writes, and the statements that write them.

What belongs here: from acts to rows of entries, of the tree and of open acts. What does not: in
which transaction, and what is verified before (:mod:`.store`). The statements are declared
with SQLAlchemy and compiled once for a kind of database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Dialect,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    outerjoin,
    select,
    update,
)
from sqlalchemy.sql import ClauseElement

from clinical_assets.ledger.entry import Act, Entry
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from resources.ledger_database.tables import ENTRIES, HEAD, NODES, OPEN_ACTS
from resources.ledger_database.transaction import Transaction

Rows = list[dict[str, Any]]
LONGEST_KIND, LONGEST_ID = 100, 500


def searchable(text: str, most: int = LONGEST_ID) -> str:
    """A text as the columns for searching hold it.

    PostgreSQL's texts hold no NUL and its indexes nothing long; the body of an entry has it whole.
    """
    return text[:most].replace("\0", "\N{REPLACEMENT CHARACTER}")


def search_columns(act: Act) -> dict[str, str]:
    """What of an act can be searched for, by column."""
    return {
        "act": searchable(act.act),
        "actor": searchable(act.actor.id),
        "action": act.action,
        "outcome": act.outcome,
        "subject_kind": searchable(act.subject.kind, LONGEST_KIND),
        "subject_id": searchable(act.subject.id),
        "run": searchable(act.origin.run),
    }


@cache
def head_query(dialect: str) -> Any:
    """The head, the newest row, and the server's time where there is a server."""
    newest = select(ENTRIES.c.seq, ENTRIES.c.body).order_by(ENTRIES.c.seq.desc()).limit(1)
    row = newest.subquery("newest")
    clock = func.clock_timestamp() if dialect == "postgresql" else literal_column("NULL")
    columns = (HEAD.c.size, HEAD.c.note, HEAD.c.peaks, HEAD.c.path, HEAD.c.at)
    joined = outerjoin(HEAD, row, literal_column("1") == literal_column("1"))
    return select(*columns, row.c.seq, row.c.body, clock.label("clock")).select_from(joined)


class Statements:
    """The statements of an append as text of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        def text(statement: ClauseElement, **more: bool) -> str:
            return " ".join(str(statement.compile(dialect=dialect, compile_kwargs=more)).split())

        self.head = text(head_query(dialect.name), literal_binds=True)
        self.entries = text(insert(ENTRIES))
        self.nodes = text(insert(NODES))
        self.opened = text(insert(OPEN_ACTS))
        # PostgreSQL takes all names at once, each statement costing it as much as a row.
        self.at_once = dialect.name == "postgresql"
        names: Any = bindparam("closed")
        named = OPEN_ACTS.c.act == (any_(names) if self.at_once else names)
        self.closed = text(delete(OPEN_ACTS).where(named))
        values: dict[Any, Any] = {
            c: bindparam(f"new_{c}") for c in ("size", "note", "peaks", "path", "at")
        }
        self.new_head = text(update(HEAD).values(values))


@dataclass
class Batch:
    """Rows of one transaction, as they come together.

    Attributes:
        at: the time of all of them.
        frontier: the tree that they grow.
        path: left siblings from the newest leaf up to the last peak.
    """

    at: str
    frontier: Frontier
    entries: Rows = field(default_factory=list)
    nodes: Rows = field(default_factory=list)
    added: list[Entry] = field(default_factory=list)
    path: tuple[bytes, ...] = ()

    def encoded(self, acts: Sequence[Act]) -> list[tuple[Entry, bytes]]:
        """Entries for ``acts`` that would come next, and their bytes; nothing is kept yet.

        Raises:
            ValueError: an act cannot be written as canonical JSON.
        """
        time = datetime.fromisoformat(self.at)
        entries = [Entry(seq, time, act) for seq, act in enumerate(acts, self.frontier.size)]
        return [(entry, entry.to_bytes()) for entry in entries]

    def keep(self, encoded: Sequence[tuple[Entry, bytes]]) -> tuple[Entry, ...]:
        """Takes up what :meth:`encoded` gave."""
        for entry, body in encoded:
            self._keep(entry, body)
        return tuple(entry for entry, _ in encoded)

    def _keep(self, entry: Entry, body: bytes) -> None:
        leaf = leaf_hash(body)
        self.added.append(entry)
        self.entries.append(
            {
                "seq": entry.seq,
                "leaf": leaf,
                "body": body,
                "at": self.at,
                **search_columns(entry.act),
            }
        )
        peaks = self.frontier.peaks
        completed = self.frontier.add(leaf)
        self.path = peaks[: -len(completed) - 1 : -1]
        for level, node in enumerate(completed, start=1):
            self.nodes.append({"level": level, "place": entry.seq >> level, "hash": node})

    def write(
        self, transaction: Transaction, statements: Statements, writer: Callable[[], str]
    ) -> None:
        """Hands all rows but the head to the transaction; the batch is empty then.

        Args:
            writer: names this process; asked only if an act is intended.
        """
        opened: dict[str, Entry] = {}
        closed: dict[str, None] = {}
        for entry in self.added:
            name = entry.act.act
            if entry.act.outcome == "intended":
                opened[name] = entry
            else:
                opened.pop(name, None)
                closed[name] = None
        transaction.later(statements.entries, self.entries)
        transaction.later(statements.nodes, self.nodes)
        names = [searchable(name) for name in closed]
        if statements.at_once and names:
            transaction.later(statements.closed, [{"closed": names}])
        else:
            transaction.later(statements.closed, [{"closed": name} for name in names])
        if opened:
            name = writer()
            rows = [{"act": searchable(a), "seq": e.seq, "writer": name} for a, e in opened.items()]
            transaction.later(statements.opened, rows)
        self.entries, self.nodes, self.added = [], [], []
