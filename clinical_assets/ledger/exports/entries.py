"""Holds the entries of an export against the tree that a checkpoint signs.

What belongs here: reading entries with what stands beside them, a leaf hash or a proof, line by
line in constant memory. What does not: whether checkpoints are signed, and what else is in the
folder.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import BinaryIO, NamedTuple

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey
from clinical_assets.ledger.entry import read_entry, time_text
from clinical_assets.ledger.exports.manifest import LEAVES, PROOFS, Manifest
from clinical_assets.ledger.exports.notes import Stated
from clinical_assets.ledger.exports.proving import leads
from clinical_assets.ledger.exports.record import Record, compact
from clinical_assets.ledger.exports.views import Views
from clinical_assets.ledger.merkle import Frontier, leaf_hash, verify_inclusion
from clinical_assets.ledger.shape import recognised
from clinical_assets.ledger.verification import Problem, Row, verify_ledger

_LEAF = re.compile(rb"[0-9a-f]{64}\n")
_SEQ = re.compile(rb',"seq":(0|[1-9][0-9]{0,15}),"')
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of the entries: see :class:`~.verify.ExportReport`.

    ``views`` are the problems of other forms: if entries have problems too, mostly their effect.
    """

    problems: list[Problem]
    entries: int
    checkpoints: int = 0
    equal: tuple[str, ...] = ()
    open_acts: tuple[int, ...] = ()
    views: tuple[Problem, ...] = ()


def check_range(
    manifest: Manifest,
    tree: Checkpoint,
    keys: Sequence[PublicKey],
    inside: Sequence[Stated],
    entries: BinaryIO,
    leaves: BinaryIO,
    views: Views,
) -> Checked:
    """Entries without gaps: the tree goes on from the frontier and has to end at its root.

    Args:
        inside: good checkpoints of sizes that the entries lead to.
    """
    reader = _Reader(views)
    report = verify_ledger(
        manifest.origin,
        reader.rows(manifest.first, entries, leaves),
        [one.note for one in inside if one.which == "kept"],
        keys,
        witnessed=[one.note for one in inside if one.which == "witnessed"],
        start=Frontier.resume(manifest.first, [bytes.fromhex(peak) for peak in manifest.frontier]),
        most_problems=_MOST_PROBLEMS,
    )
    problems = [*report.problems, *reader.problems]
    if not problems and report.size != manifest.end:
        what = "is missing" if report.size < manifest.end else "is more than the manifest states"
        problems.append(Problem(min(report.size, manifest.end), what))
    if not problems and manifest.end < tree.size:
        proof = {c.size: c.proof for c in manifest.consistency}.get(manifest.end, ())
        if not leads(manifest.end, bytes.fromhex(report.root), tree, proof):
            what = f"the tree of the checkpoint of {tree.size} entries"
            problems.append(
                Problem(manifest.first, f"or a later one up to {manifest.end - 1} is not in {what}")
            )
    equal = reader.compared(whole=not problems)
    return Checked(
        problems=problems,
        views=tuple(views.problems),
        entries=report.size - report.first,
        checkpoints=report.checkpoints,
        equal=equal,
        open_acts=report.open_acts,
    )


def check_selection(
    manifest: Manifest, tree: Checkpoint, entries: BinaryIO, proofs: BinaryIO, views: Views
) -> Checked:
    """Selected entries: each with a proof that it is in the tree, in order of their numbers."""
    reader = _Reader(views)
    problems: list[Problem] = []
    last, last_at, count = -1, "", 0
    for row, proof in reader.proven(entries, proofs):
        if len(problems) >= _MOST_PROBLEMS:
            break
        count += 1
        at, what = _judged(row, proof, tree, last, last_at)
        if what:
            problems.append(Problem(row.seq, what))
        last, last_at = max(last, row.seq), at or last_at
    else:
        if not problems and count != manifest.entries:
            problems.append(
                Problem(None, f"{count} entries were found where {manifest.entries} are stated")
            )
    problems += reader.problems
    equal = reader.compared(whole=not problems)
    return Checked(problems, count, equal=equal, views=tuple(views.problems))


def _judged(
    row: Row, proof: "_Proof | None", tree: Checkpoint, last: int, last_at: str
) -> tuple[str, str]:
    """The time of a selected entry, and the first thing that is wrong with it."""
    try:
        entry = read_entry(row.body)
    except ClinicalError as error:
        return "", error.what
    at = time_text(entry.at)
    if entry.seq <= last:
        return at, f"follows entry {last}"
    if proof is None:
        return at, f"{PROOFS} holds no proof for it"
    if proof.seq != entry.seq:
        return at, f"stands where the proof is for entry {proof.seq}"
    if leaf_hash(row.body) != row.leaf:
        return at, "its bytes do not have the hash kept beside them"
    if not verify_inclusion(entry.seq, tree.size, row.leaf, proof.steps, tree.root):
        return at, f"is not in the tree of the checkpoint of {tree.size} entries"
    if at < last_at:
        return at, f"its time {at} is before that of the entry before it"
    return at, ""


class _Proof(NamedTuple):
    seq: int
    leaf: bytes
    steps: list[bytes]


class _Reader:
    """Reads entries with the lines beside them, and shows each to the views on the way."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._readable = True
        self.problems: list[Problem] = []

    def rows(self, first: int, entries: BinaryIO, leaves: BinaryIO) -> Iterator[Row]:
        """Rows as a ledger stores them, the leaf hash from beside."""
        for place, (line, beside) in enumerate(zip_longest(entries, leaves), start=first):
            if line is None:
                self.problems.append(Problem(None, f"{LEAVES} goes on after the last entry"))
                return
            fits = beside is not None and _LEAF.fullmatch(beside)
            leaf = bytes.fromhex(beside.decode()) if fits else b""
            yield self._row(line, place, leaf)

    def proven(self, entries: BinaryIO, proofs: BinaryIO) -> Iterator[tuple[Row, _Proof | None]]:
        """Rows with their proofs, None where there is none that can be read."""
        for line, beside in zip_longest(entries, proofs):
            if line is None:
                self.problems.append(Problem(None, f"{PROOFS} goes on after the last entry"))
                return
            proof = None if beside is None else _read_proof(beside)
            place = proof.seq if proof else 0
            yield self._row(line, place, proof.leaf if proof else b""), proof

    def compared(self, *, whole: bool) -> tuple[str, ...]:
        """Ends the comparison of the views; the names of those that are equal."""
        if not (whole and self._readable):
            return ()
        self._views.end()
        return self._views.equal

    def _row(self, line: bytes, place: int, leaf: bytes) -> Row:
        body = line.removesuffix(b"\n")
        stated = _SEQ.search(body)
        self._readable = self._readable and _is_entry(body)
        if self._readable:
            self._views.entry(Record.of(body, leaf_hash(body)))
        return Row(int(stated[1]) if stated else place, body, leaf)


def _is_entry(body: bytes) -> bool:
    """Whether the views can show it; what is wrong with it, whoever judges it says."""
    if recognised(body) is not None:
        return True
    try:
        read_entry(body)
    except ClinicalError:
        return False
    return True


def _read_proof(line: bytes) -> _Proof | None:
    """One line of ``proofs.jsonl``, if it is written as an export writes it."""
    try:
        plain = json.loads(line)
        seq, leaf, steps = plain["seq"], plain["leaf"], plain["proof"]
        found = _Proof(seq, bytes.fromhex(leaf), [bytes.fromhex(step) for step in steps])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    again = {
        "leaf": found.leaf.hex(),
        "proof": [step.hex() for step in found.steps],
        "seq": found.seq,
    }
    same = type(seq) is int and compact(again).encode() + b"\n" == line
    return found if same else None
