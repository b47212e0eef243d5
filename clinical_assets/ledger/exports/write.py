"""Writes an export.

What belongs here: which files an export has and in what order they are written. What does not: the
forms (:mod:`.forms`), the proofs (:mod:`.proving`) and where rows, notes and keys come from. Rows
are read once and every form is written beside them, so an export of any length is made in constant
memory. Nothing is exported that no signed checkpoint covers, or that does not lead to its root.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from hashlib import sha256

from clinical_assets.ledger.checkpoint import SigningKey, sign_text
from clinical_assets.ledger.entry import read_entry
from clinical_assets.ledger.exports import manifest as parts
from clinical_assets.ledger.exports.files import NewFiles
from clinical_assets.ledger.exports.forms import forms_named
from clinical_assets.ledger.exports.proving import (
    PickedEntries,
    Range,
    RunOfEntries,
    Selection,
    Source,
)
from clinical_assets.ledger.exports.record import About, Form, Record
from clinical_assets.ledger.merkle import leaf_hash
from clinical_assets.ledger.shape import recognised
from clinical_assets.ledger.verification import Row


def write_export(
    files: NewFiles,
    source: Source,
    what: Range | Selection,
    rows: Iterable[Row],
    forms: Sequence[str],
    *,
    exported_at: str,
    software: str,
    signers: Sequence[SigningKey] = (),
) -> parts.Manifest:
    """Writes the files of an export, the manifest last, and gives the manifest.

    Args:
        files: where they go; empty.
        rows: those of the range, or those selected, in the order of their numbers.
        forms: names of :data:`~clinical_assets.ledger.exports.forms.CURRENT`; ``jsonl`` is always
            among them.
        exported_at: UTC, as :func:`~clinical_assets.ledger.entry.time_text` writes it.
        signers: keys that sign the manifest; without, nothing shows that a selection is complete.

    Raises:
        ClinicalError: no checkpoint covers the entries, the ledger does not agree with its
            checkpoint, an entry cannot be read, or there is no such form.
        ValueError: ``source`` cannot read the tree and more than a whole ledger was asked for.
    """
    chosen = forms_named(forms)
    evidence = RunOfEntries(source, what) if isinstance(what, Range) else PickedEntries(source)
    about = About(
        origin=source.origin,
        kind="range" if isinstance(what, Range) else "selection",
        first=evidence.first,
        tree_size=source.newest.size,
        root=source.newest.root.hex(),
        selected_by="" if isinstance(what, Range) else what.by,
        exported_at=exported_at,
        software=software,
    )
    with ExitStack() as stack:
        views = [_Part(stack, files, form.file, form.name, form.media_type) for form in chosen]
        beside = _Part(stack, files, evidence.file, evidence.form, evidence.media_type)
        notes = _Part(stack, files, parts.CHECKPOINTS, "notes/1", "text/plain; charset=utf-8")
        notes.write("\n".join(source.notes))
        count = _write_entries(about, rows, evidence, beside, list(zip(chosen, views, strict=True)))
    made = parts.Manifest(
        format=parts.FORMAT,
        origin=source.origin,
        kind=about.kind,
        first=about.first,
        entries=count,
        tree=parts.Tree(about.tree_size, about.root),
        frontier=tuple(peak.hex() for peak in evidence.peaks),
        consistency=evidence.finished(),
        selected_by=about.selected_by,
        keys=tuple(str(key) for key in source.keys),
        files=tuple(part.described() for part in (*views, beside, notes)),
        exported_at=exported_at,
        software=software,
    )
    _write_manifest(files, made.to_bytes(), signers)
    return made


def _write_entries(
    about: About,
    rows: Iterable[Row],
    evidence: RunOfEntries | PickedEntries,
    beside: "_Part",
    views: Sequence[tuple[Form, "_Part"]],
) -> int:
    for form, part in views:
        part.write(form.begin(about))
    count = 0
    for row in rows:
        if recognised(row.body) is None:
            read_entry(row.body)
        record = Record.of(row.body, leaf_hash(row.body))
        beside.write(evidence.line(row, record.leaf))
        for form, part in views:
            part.write(form.entry(about, record))
        count += 1
    for form, part in views:
        part.write(form.end(about, count))
    return count


def _write_manifest(files: NewFiles, manifest: bytes, signers: Sequence[SigningKey]) -> None:
    last = {parts.DIGEST: parts.digest_line(manifest)}
    if signers:
        last[parts.NOTE] = sign_text(parts.note_text(manifest), signers).encode()
    for name, data in (*last.items(), (parts.NAME, manifest)):
        with files.create(name) as file:
            file.write(data)


class _Part:
    """One file as it is written, counted and hashed on the way."""

    def __init__(
        self, stack: ExitStack, files: NewFiles, name: str, form: str, media_type: str
    ) -> None:
        self._file = stack.enter_context(files.create(name))
        self._about = (name, form, media_type)
        self._bytes, self._state = 0, sha256()

    def write(self, text: str) -> None:
        data = text.encode()
        self._file.write(data)
        self._bytes += len(data)
        self._state.update(data)

    def described(self) -> parts.File:
        return parts.File(*self._about, self._bytes, self._state.hexdigest())
