"""Exporting this installation's ledger into a folder, and writing down that it was exported."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from clinical_assets.ledger.actions import Covering
from clinical_assets.ledger.entry import Subject, time_text
from clinical_assets.ledger.exports.files import Folder
from clinical_assets.ledger.exports.manifest import Manifest
from clinical_assets.ledger.exports.proving import Range, Selection, Source, chosen
from clinical_assets.ledger.exports.write import write_export
from resources.ledger import Ledger
from resources.ledger_database.reader import Wanted


def export_ledger(
    ledger: Ledger,
    folder: Path,
    forms: Sequence[str],
    *,
    first: int = 0,
    end: int | None = None,
    wanted: Wanted | None = None,
    by: str = "",
) -> Manifest:
    """Writes entries with their proofs into an empty folder, the manifest signed.

    Args:
        forms: besides JSON Lines.
        first, end: the entries from ``first`` to before ``end``.
        wanted: entries that were asked for instead; ``by``: the same in words.

    Raises:
        ClinicalError: the folder is not empty, or the ledger does not agree with its checkpoint.
    """
    store, reader = ledger.store, ledger.reader
    about = Subject("ledger", store.origin)
    with ledger.doing("ledger.exported", about, Covering(0, "", by), reason=by) as doing:
        store.checkpoint()
        keys, withdrawn = store.keys.trusted(), store.keys.withdrawn()
        source = Source(store.origin, reader.notes(), keys, reader.node, withdrawn=withdrawn)
        size = source.newest.size
        what = Range(first, end) if wanted is None else Selection(by)
        rows = reader.rows(first, size if end is None else end)
        if wanted is not None:
            # Not by the columns that are made for searching, which no proof covers.
            until = size if end is None else min(size, end)
            begin = min(first, until)
            rows = chosen(source, reader.rows(begin, until), wanted.fits, begin, until)
        made = write_export(
            Folder.new(folder),
            source,
            what,
            rows,
            tuple(forms),
            exported_at=time_text(datetime.now(UTC)),
            software=store.software,
            signers=[store.keys.signing(store.origin)],
        )
        doing.details = Covering(made.tree.size, made.tree.root, by)
    return made
