"""Verifies an export from its own files and the public keys that one trusts; nothing else.

What is checked: every file is there, none besides, and each is what the manifest says
(:mod:`.integrity`); the manifest's signature, if it has one; each entry's canonical form, number,
time and leaf hash; that the entries are in the tree of a checkpoint that a trusted key signed; the
checkpoints that the verifier holds from a witness; and every other form of the entries, written
again and compared byte by byte (:mod:`.views`). What cannot be shown is said in
:attr:`ExportReport.limits`.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey
from clinical_assets.ledger.exports import manifest as parts
from clinical_assets.ledger.exports.entries import Checked, check_range, check_selection
from clinical_assets.ledger.exports.files import Files
from clinical_assets.ledger.exports.forms import FORMS
from clinical_assets.ledger.exports.integrity import check_folder, read_whole
from clinical_assets.ledger.exports.notes import Stated, compare_outside, divided, good
from clinical_assets.ledger.exports.views import View, Views
from clinical_assets.ledger.verification import Problem


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What the verification of an export found.

    Attributes:
        manifest: what the export says of itself; None if that cannot be read.
        entries: how many entries were read.
        checkpoints: how many signed checkpoints agreed, those of witnesses among them.
        witnessed: how many of these the verifier held.
        signed_by: names of the trusted keys that signed the manifest.
        equal: files that are what the entries make them.
        open_acts: entries whose act was intended and has no outcome; of a range only.
        problems: empty if all holds; those about an entry first, in order of their numbers, then
            those of views.
        limits: what this verification cannot show, in sentences without a full stop.
    """

    manifest: parts.Manifest | None
    entries: int
    checkpoints: int
    witnessed: int
    signed_by: tuple[str, ...]
    equal: tuple[str, ...]
    open_acts: tuple[int, ...]
    problems: tuple[Problem, ...]
    limits: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.problems

    @property
    def first_bad(self) -> int | None:
        """Number of the first entry concerned by a problem; None if none is."""
        return self.problems[0].seq if self.problems else None


def verify_export(
    files: Files, keys: Sequence[PublicKey], against: Sequence[str] = ()
) -> ExportReport:
    """Reads the whole export and holds it against its checkpoints and those in ``against``.

    Args:
        files: the export's folder, or its files in memory.
        keys: public keys whose signatures count; never those that the export itself brings.
        against: signed checkpoints that the verifier holds from elsewhere.

    Raises:
        ClinicalError: there is no such folder.
    """
    files.names()
    try:
        data = read_whole(files, parts.NAME)
        manifest = parts.read_manifest(data)
        problems, signed_by = check_folder(files, manifest, data, keys)
        notes = divided(read_whole(files, parts.CHECKPOINTS))
    except ClinicalError as error:
        return ExportReport(None, 0, 0, 0, (), (), (), (Problem(None, error.what),), ())
    kept = good(notes, keys, manifest.origin, "kept", problems)
    held = good(against, keys, manifest.origin, "witnessed", problems)
    tree = _tree(manifest, kept, problems)
    inside, outside = _divided(manifest, [*kept, *held])
    compared = [(s, compare_outside(s, tree, manifest)) for s in outside]
    problems += [problem for _, problem in compared if problem]
    checked = _entries(files, manifest, tree, keys, inside, problems)
    problems += checked.problems
    agreed = checked.checkpoints + sum(problem is None for _, problem in compared)
    return ExportReport(
        manifest=manifest,
        entries=checked.entries,
        checkpoints=agreed,
        witnessed=len(held),
        signed_by=signed_by,
        equal=checked.equal,
        open_acts=checked.open_acts,
        problems=_in_order(problems, checked.views),
        limits=_limits(manifest, signed_by, held),
    )


def _tree(manifest: parts.Manifest, kept: Sequence[Stated], problems: list[Problem]) -> Checkpoint:
    stated = Checkpoint(manifest.origin, manifest.tree.size, bytes.fromhex(manifest.tree.root))
    if all(one.checkpoint != stated for one in kept):
        problems.append(
            Problem(
                None,
                f"no checkpoint signed by a key that you trust states the tree of {stated.size} "
                "entries that the manifest names",
            )
        )
    return stated


def _divided(
    manifest: parts.Manifest, stated: Sequence[Stated]
) -> tuple[list[Stated], list[Stated]]:
    """The checkpoints that the export's entries lead to, and the others."""
    inside = [
        one
        for one in stated
        if manifest.kind == "range" and manifest.first <= one.checkpoint.size <= manifest.end
    ]
    return inside, [one for one in stated if one not in inside]


def _entries(
    files: Files,
    manifest: parts.Manifest,
    tree: Checkpoint,
    keys: Sequence[PublicKey],
    inside: Sequence[Stated],
    problems: list[Problem],
) -> Checked:
    beside = parts.LEAVES if manifest.kind == "range" else parts.PROOFS
    present = set(files.names())
    if not {parts.ENTRIES, beside} <= present:
        return Checked([], 0)
    with ExitStack() as stack:

        def opened(name: str) -> BinaryIO:
            return stack.enter_context(files.open(name))

        views = Views(
            manifest.about,
            [
                View(FORMS[file.form], opened(file.name))
                for file in manifest.files
                if file.form in FORMS and file.name in present
            ],
        )
        entries, proofs = opened(parts.ENTRIES), opened(beside)
        if manifest.kind == "selection":
            return check_selection(manifest, tree, entries, proofs, views)
        return check_range(manifest, tree, keys, inside, entries, proofs, views)


def _in_order(problems: Sequence[Problem], views: Sequence[Problem]) -> tuple[Problem, ...]:
    """Problems of entries by their numbers, then of views by theirs, then of nothing numbered."""
    numbered = [
        *sorted((p for p in problems if p.seq is not None), key=_number),
        *sorted((p for p in views if p.seq is not None), key=_number),
    ]
    others = [p for p in (*problems, *views) if p.seq is None]
    return tuple(dict.fromkeys([*numbered, *others]))


def _number(problem: Problem) -> int:
    return -1 if problem.seq is None else problem.seq


def _limits(
    manifest: parts.Manifest, signed_by: Sequence[str], held: Sequence[Stated]
) -> tuple[str, ...]:
    found = []
    if not signed_by:
        found.append(
            "The manifest is not signed: nothing shows when, with which software and by what "
            "selection the export was made"
        )
        if manifest.kind == "selection":
            found.append("Nothing shows that the selection is complete")
    if not held:
        found.append(
            "No checkpoint from a witness was given: a tail that was cut off with its "
            "checkpoints, or a rewrite by the holder of the signing key, would not be found"
        )
    return tuple(found)
