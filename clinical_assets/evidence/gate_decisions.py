"""What the ledger holds of a version's gates, whatever a caller says of them (P11-06).

What belongs here: which decisions are about this version, and what they say. What does not: check
results in Dagster, which a release reads too, and how the verdicts come about.

A version is made of what its package was built from: of a gate before the package counts what it
decided last before the building, of the package's own gates what they decided first after it and
before another package was built; and of both whatever they decided about the same content since.
Decisions about other candidates say nothing of it.
"""

from collections.abc import Iterable, Sequence

from clinical_assets.gates import GATES, demanded
from clinical_assets.ledger.actions import Decision, Undecided
from clinical_assets.ledger.entry import Entry, Subject

ACTIONS = ("gate.decided", "gate.undecided")
_PACKAGE = "package"


def gates_against(
    version: Subject, known: Iterable[Entry], before: int | None = None, software: str | None = None
) -> str:
    """Which gates speak against the release of a version, or are silent; empty where all passed.

    Args:
        version: with the digest of its package.
        known: entries in the ledger's order, at least all of :data:`ACTIONS` and ``package.built``.
        before: the number of the entry that released it; later ones count for nothing.
        software: which released it, so that gates that came later are not asked for; None for this.
    """
    entries = [entry for entry in known if before is None or entry.seq < before]
    buildings = [entry for entry in entries if _is_building(entry, version)]
    own = [entry.seq for entry in buildings if entry.act.subject == version]
    if not own:
        return "the ledger does not hold that its package was built"
    others = [entry.seq for entry in buildings if entry.seq > own[-1]]
    built = range(own[-1], min(others, default=entries[-1].seq + 1))
    verdicts = {gate: _verdict(gate, version, entries, built) for gate in demanded(software)}
    told = []
    for verdict, words in (
        ("refused", "the ledger holds that gate {} refused"),
        ("undecided", "gate {} could not be decided when it was tried last"),
        ("silent", "the ledger holds no decision of gate {}"),
    ):
        named = ", ".join(gate for gate, found in verdicts.items() if found == verdict)
        told += [words.format(named)] if named else []
    return "; ".join(told)


def _is_building(entry: Entry, version: Subject) -> bool:
    act = entry.act
    about = (act.subject.kind, act.subject.id) == (version.kind, version.id)
    return about and (act.action, act.outcome) == ("package.built", "done")


def _verdict(gate: str, version: Subject, entries: Sequence[Entry], built: range) -> str:
    """What a gate says; of ``built``, the package was the model's newest."""
    asset = Subject("asset", f"{version.id}/{GATES[gate]}")
    own = [entry for entry in entries if _is_about(entry, gate, asset)]
    if own and isinstance(own[-1].act.details, Undecided):
        return "undecided"
    decided = [entry for entry in own if isinstance(entry.act.details, Decision)]
    if GATES[gate] == _PACKAGE:
        judged = [e.act.subject.sha256 for e in decided if e.seq in built][:1]
    else:
        judged = [e.act.subject.sha256 for e in decided if e.seq < built.start][-1:]
    about = [e.act.details for e in decided if e.act.subject.sha256 in judged]
    if not about:
        return "silent"
    return "passed" if about[-1].passed else "refused"


def _is_about(entry: Entry, gate: str, asset: Subject) -> bool:
    act = entry.act
    named = (act.subject.kind, act.subject.id) == (asset.kind, asset.id)
    return act.action in ACTIONS and named and act.details.gate == gate
