"""What the ledger keeps beside its entries, held against them.

What belongs here: the columns for searching, the nodes of the tree, and the list of open acts.
What does not: entries and checkpoints, which
:func:`~clinical_assets.ledger.verification.verify_ledger` verifies. Nothing here is evidence, but
searches and proofs rest on it: whoever edits a column hides an entry from a search, and whoever
edits a node makes a proof fail. A verification of the database therefore includes this.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from clinical_assets.ledger.merkle import Frontier, leaf_hash
from clinical_assets.ledger.verification import Problem
from resources.ledger_database.rows import LONGEST_KIND, searchable
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.tables import ENTRIES, NODES, OPEN_ACTS

_CHUNK = 5000
_Key = tuple[int, int]


def derived_problems(store: LedgerStore, *, most: int = 20) -> tuple[Problem, ...]:
    """What does not fit the entries, in the order of the entries concerned; empty if all does.

    Args:
        most: it stops at so many.

    Raises:
        ClinicalError: the database does not answer.
    """
    found: list[Problem] = []
    with store.reading() as connection:
        for problem in _problems(connection):
            found.append(problem)
            if len(found) == most:
                break
    return tuple(found)


def _problems(connection: Connection) -> Iterator[Problem]:
    frontier = Frontier()
    opened: dict[str, int] = {}
    after = -1
    while True:
        chunk = _chunk(connection, after)
        nodes: dict[_Key, bytes] = {}
        for row in chunk:
            seq = int(row["seq"])
            if seq != frontier.size:
                yield Problem(frontier.size, f"is missing; entry {seq} follows")
                return
            for level, node in enumerate(frontier.add(leaf_hash(_bytes(row["body"]))), start=1):
                nodes[level, seq >> level] = node
            yield from _of_row(row, opened)
        if chunk:
            yield from _of_nodes(connection, nodes, after + 1, frontier.size)
            after = int(chunk[-1]["seq"])
        if len(chunk) < _CHUNK:
            break
    yield from _of_open_acts(connection, opened)


def _chunk(connection: Connection, after: int) -> list[Any]:
    wanted = select(ENTRIES).where(ENTRIES.c.seq > after).order_by(ENTRIES.c.seq).limit(_CHUNK)
    return list(connection.execute(wanted).mappings())


def _of_row(row: Any, opened: dict[str, int]) -> Iterator[Problem]:
    seq = int(row["seq"])
    try:
        plain = json.loads(_bytes(row["body"]))
        columns, act = _columns(plain), str(plain["act"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        yield Problem(seq, "it cannot be read")
        return
    for name, value in columns.items():
        if row[name] != value:
            yield Problem(seq, f"its column {name} is not what the entry says")
    if plain["outcome"] == "intended":
        opened[act] = seq
    else:
        opened.pop(act, None)


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else b""


def _columns(plain: Any) -> dict[str, Any]:
    """As :func:`~resources.ledger_database.rows.search_columns`, without building the entry."""
    subject = plain["subject"]
    return {
        "at": plain["at"],
        "act": searchable(plain["act"]),
        "actor": searchable(plain["actor"]["id"]),
        "action": plain["action"],
        "outcome": plain["outcome"],
        "subject_kind": searchable(subject["kind"], LONGEST_KIND),
        "subject_id": searchable(subject["id"]),
        "run": searchable(plain["origin"]["run"]),
    }


def _of_nodes(
    connection: Connection, nodes: dict[_Key, bytes], first: int, end: int
) -> Iterator[Problem]:
    """Nodes that the entries from ``first`` to before ``end`` complete, level by level."""
    for level in range(1, end.bit_length()):
        wanted = select(NODES.c.place, NODES.c.hash).where(
            NODES.c.level == level,
            NODES.c.place >= first >> level,
            NODES.c.place < end >> level,
        )
        stored = {int(place): _bytes(hash_) for place, hash_ in connection.execute(wanted)}
        for (at, place), node in nodes.items():
            if at == level and stored.get(place) != node:
                seq = (place + 1 << level) - 1
                yield Problem(seq, f"the node of level {level} above it is not its hash")


def _of_open_acts(connection: Connection, opened: dict[str, int]) -> Iterator[Problem]:
    listed = {
        (str(act), int(seq))
        for act, seq in connection.execute(select(OPEN_ACTS.c.act, OPEN_ACTS.c.seq))
    }
    wanted = {(searchable(act), seq) for act, seq in opened.items()}
    for _, seq in sorted(wanted - listed, key=lambda each: each[1]):
        yield Problem(seq, "its act has no outcome, and the list of open acts lacks it")
    for _, seq in sorted(listed - wanted, key=lambda each: each[1]):
        yield Problem(seq, "the list of open acts names it, and its act is not open")
