"""Whether an export's folder is whole: its manifest, its set of files, their digests.

What belongs here: what is found before any entry is read. What does not: entries and their tree
(:mod:`.verify`). Digests in the manifest find damage and careless changes; whoever changes the
manifest too is found by its signature, if it has one, and by the entries.
"""

from collections.abc import Sequence
from hashlib import sha256

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, verify_text
from clinical_assets.ledger.exports import manifest as parts
from clinical_assets.ledger.exports.files import Files
from clinical_assets.ledger.exports.forms import FORMS
from clinical_assets.ledger.verification import Problem

_CHUNK = 1 << 20
_MOST = 1 << 24  # bytes of a manifest or a note; what is larger was not written by an export
_TEXT = "text/plain; charset=utf-8"
_PARTS = {
    parts.CHECKPOINTS: ("notes/1", _TEXT),
    parts.LEAVES: ("leaves/1", _TEXT),
    parts.PROOFS: ("proofs/1", "application/x-ndjson"),
}


def read_whole(files: Files, name: str) -> bytes:
    """A small file.

    Raises:
        ClinicalError: there is no such file, or it is not small.
    """
    if name not in files.names():
        raise ClinicalError(f"{name} is missing", repair="Take the export again from its source")
    with files.open(name) as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise ClinicalError(f"{name} is too large", repair="Take the export again")
    return data


def check_folder(
    files: Files, manifest: parts.Manifest, data: bytes, keys: Sequence[PublicKey]
) -> tuple[list[Problem], tuple[str, ...]]:
    """What is wrong with the folder, and the names of the trusted keys that signed its manifest."""
    found: list[str] = []
    signed = _signatures(files, data, keys, found)
    _names(files, manifest, found)
    present = set(files.names())
    for file in manifest.files:
        if file.name in present:
            _digest(files, file, found)
    return [Problem(None, what) for what in found], signed


def _signatures(
    files: Files, data: bytes, keys: Sequence[PublicKey], found: list[str]
) -> tuple[str, ...]:
    try:
        if read_whole(files, parts.DIGEST) != parts.digest_line(data):
            found.append(f"{parts.DIGEST} does not hold the digest of {parts.NAME}")
    except ClinicalError as error:
        found.append(error.what)
    if parts.NOTE not in files.names():
        return ()
    try:
        note = read_whole(files, parts.NOTE).decode()
        text, names = verify_text(note, keys, "manifest")
    except UnicodeDecodeError:
        found.append(f"{parts.NOTE} is not text")
        return ()
    except ClinicalError as error:
        found.append(f"{parts.NOTE}: {error.what}")
        return ()
    if text != parts.note_text(data):
        found.append(f"{parts.NOTE} was signed for another manifest")
        return ()
    return names


def _names(files: Files, manifest: parts.Manifest, found: list[str]) -> None:
    beside = parts.LEAVES if manifest.kind == "range" else parts.PROOFS
    listed = [file.name for file in manifest.files]
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        found.append(f"{parts.NAME} lists {name} twice")
    for name in (parts.ENTRIES, parts.CHECKPOINTS, beside):
        if name not in listed:
            found.append(f"{parts.NAME} does not list {name}")
    for file in manifest.files:
        form = FORMS.get(file.form)
        known = (form.name, form.media_type) if form and form.file == file.name else None
        if file.name in {parts.CHECKPOINTS, beside}:
            known = _PARTS[file.name]
        if (file.form, file.media_type) != known:
            found.append(f"{file.name} is in a form ({file.form}) that cannot be compared")
    allowed = {*listed, parts.NAME, parts.DIGEST, parts.NOTE}
    present = set(files.names())
    found.extend(f"{name} is missing" for name in sorted({*listed} - present))
    found.extend(f"{name!r} is no file of this export" for name in sorted(present - allowed))


def _digest(files: Files, file: parts.File, found: list[str]) -> None:
    state, size = sha256(), 0
    with files.open(file.name) as opened:
        while chunk := opened.read(_CHUNK):
            state.update(chunk)
            size += len(chunk)
    if (size, state.hexdigest()) != (file.bytes, file.sha256):
        found.append(f"{file.name} is not the file that the manifest describes")
