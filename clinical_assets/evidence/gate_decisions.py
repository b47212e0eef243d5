"""What the ledger holds of a version's gates, whatever a caller says of them (P11-06).

What belongs here: which decisions are about this version, and what they say. What does not: check
results in Dagster, which a release reads too, and how the verdicts come about.

A gate judges what an asset was made into, by its digest. A version is made of what the assets were
when its package was built: of each, what the run that built it made, or else what was made last
before. Of a gate counts what it said last of that content, whenever that was; a gate that crashed
was about what its asset was then. What was reported to Dagster's server, where nobody need say who
they are, has no run, and counts for nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from clinical_assets.gates import GATES, demanded
from clinical_assets.ledger.actions import Decision, Undecided
from clinical_assets.ledger.entry import Entry, Subject

_PACKAGE = "package"


class _Made(NamedTuple):
    """An asset that was made: number of the entry, run, and digest of the content."""

    seq: int
    run: str
    sha256: str


@dataclass(slots=True)
class _History:
    """What entries say of a model, in their order.

    Attributes:
        made: by asset.
        built: entry and run of each building of the version's package.
        said: by gate, what it said of which content.
    """

    version: Subject
    made: dict[str, list[_Made]] = field(default_factory=lambda: defaultdict(list))
    built: list[_Made] = field(default_factory=list)
    said: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, entry: Entry) -> None:
        """Goes on with the next entry."""
        act, run = entry.act, entry.act.origin.run
        if act.action == "package.built":
            if act.outcome == "done" and act.subject == self.version:
                self.built.append(_Made(entry.seq, run, self.version.sha256))
            return
        model, _, asset = act.subject.id.partition("/")
        if act.subject.kind != "asset" or model != self.version.id or not run:
            return
        if act.action == "asset.materialized":
            self.made[asset].append(_Made(entry.seq, run, act.subject.sha256))
        elif isinstance(act.details, Decision) and GATES.get(act.details.gate) == asset:
            verdict = "passed" if act.details.passed else "refused"
            self.said[act.details.gate].append((act.subject.sha256, verdict))
        elif isinstance(act.details, Undecided) and GATES.get(act.details.gate) == asset:
            about = self.made[asset][-1].sha256 if self.made[asset] else ""
            self.said[act.details.gate].append((about, "undecided"))

    def verdict(self, gate: str) -> str:
        """What a gate said last of what the newest package of the version is made of."""
        content = self._content(GATES[gate])
        said = [verdict for sha256, verdict in self.said[gate] if sha256 == content]
        return said[-1] if content and said else "silent"

    def _content(self, asset: str) -> str:
        built = self.built[-1]
        if asset == _PACKAGE:  # its record is made right after it was written
            made = [m for m in self.made[asset] if m.seq > built.seq and m.run == built.run]
            return made[0].sha256 if made else ""
        before = [made for made in self.made[asset] if made.seq < built.seq]
        own = [made for made in before if made.run == built.run]
        return (own or before)[-1].sha256 if before else ""


def gates_against(
    version: Subject, known: Iterable[Entry], before: int | None = None, software: str | None = None
) -> str:
    """Which gates speak against the release of a version, or are silent; empty where all passed.

    Args:
        version: with the digest of its package.
        known: entries in the ledger's order, at least all of ``asset.materialized``,
            ``gate.decided``, ``gate.undecided`` and ``package.built``.
        before: the number of the entry that released it; later ones count for nothing.
        software: which released it, so that gates that came later are not asked for; None for this.
    """
    history = _History(version)
    for entry in known:
        if before is None or entry.seq < before:
            history.add(entry)
    if not history.built:
        return "the ledger does not hold that its package was built"
    verdicts = {gate: history.verdict(gate) for gate in demanded(software)}
    told = []
    for verdict, words in (
        ("refused", "the ledger holds that gate {} refused"),
        ("undecided", "gate {} could not be decided when it was tried last"),
        ("silent", "the ledger holds no decision of gate {}"),
    ):
        named = ", ".join(gate for gate, found in verdicts.items() if found == verdict)
        told += [words.format(named)] if named else []
    return "; ".join(told)
