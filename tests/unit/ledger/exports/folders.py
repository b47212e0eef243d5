"""Exports of a small ledger in memory, and the ways an intruder changes them."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from clinical_assets.canonical import canonical_json, sha256
from clinical_assets.ledger import merkle
from clinical_assets.ledger.actions import Decision
from clinical_assets.ledger.checkpoint import SigningKey
from clinical_assets.ledger.entry import Act, Subject
from clinical_assets.ledger.exports.files import Memory
from clinical_assets.ledger.exports.forms import CURRENT
from clinical_assets.ledger.exports.proving import Range, Selection, Source
from clinical_assets.ledger.exports.verify import ExportReport, verify_export
from clinical_assets.ledger.exports.write import write_export
from clinical_assets.ledger.verification import Row
from tests.unit.ledger.examples import APPROVED, KEY, ORIGIN, RELEASED, act, acts, note, rows

AT = "2026-12-01T08:00:00.000000Z"
ALL = tuple(CURRENT)
Files = dict[str, bytes]


def story() -> list[Act]:
    """Nine acts, a signature and a refusal among them."""
    version = Subject("model", "diabetes/readmission", "7", "b" * 64)
    return [
        *acts(),
        act("a6", "signature.given", APPROVED, subject=version),
        act("a7", "gate.decided", Decision("calibration", False), outcome="refused"),
        act("a8", "stage.changed", RELEASED, subject=version),
    ]


KEPT = rows(story())
NOTES = [note(KEPT, 3), note(KEPT, 9)]


def node_of(kept: Sequence[Row]) -> merkle.Node:
    """Reads the tree over these rows."""
    nodes: dict[tuple[int, int], bytes] = {}
    frontier = merkle.Frontier()
    for row in kept:
        for level, found in enumerate([row.leaf, *frontier.add(row.leaf)]):
            nodes[level, row.seq >> level] = found
    return lambda level, index: nodes[level, index]


def export(
    what: Range | Selection | None = None,
    *,
    kept: Sequence[Row] = KEPT,
    notes: Sequence[str] = NOTES,
    forms: Sequence[str] = ALL,
    picked: Callable[[Row], bool] = lambda row: row.seq in (2, 6, 8),
    signers: Sequence[SigningKey] = (),
    key: SigningKey = KEY,
) -> Files:
    """The files of an export: of the whole ledger, unless something else is asked for."""
    what = what or Range()
    if isinstance(what, Range):
        end = len(kept) if what.end is None else what.end
        chosen = list(kept[what.first : end])
    else:
        chosen = [row for row in kept if picked(row)]
    files = Memory()
    source = Source(ORIGIN, notes, [key.public], node_of(kept))
    write_export(
        files, source, what, chosen, forms, exported_at=AT, software="0.1.0+abc", signers=signers
    )
    return files.content


def verify(
    files: Files, against: Sequence[str] = (), keys: Sequence[SigningKey] = (KEY,)
) -> ExportReport:
    return verify_export(Memory(files), [key.public for key in keys], against)


def rewritten(files: Files, /, **changes: Any) -> Files:
    """The files with a manifest that fits them again, as an intruder would write it."""
    made = dict(files)
    plain = json.loads(made["manifest.json"]) | changes
    for file in plain["files"]:
        data = made.get(file["name"], b"")
        file["bytes"], file["sha256"] = len(data), sha256(data)
    made["manifest.json"] = canonical_json(plain)
    made["manifest.sha256"] = f"{sha256(made['manifest.json'])}  manifest.json\n".encode()
    return made


def lines(files: Files, name: str) -> list[bytes]:
    return files[name].splitlines(keepends=True)


def leaf_line(body: bytes) -> bytes:
    return merkle.leaf_hash(body).hex().encode() + b"\n"
