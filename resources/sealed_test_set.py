"""The seal on a model's test set: criteria are in the ledger before it is opened, openings counted.

What belongs here: the two entries about it, in their order, and the count. What does not: what the
criteria are (:mod:`clinical_assets.modelling.protocol`). Clauses: GML-08, GML-04, design trap 8.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Frozen
from clinical_assets.ledger.entry import Act, Entry, Subject
from clinical_assets.modelling.records import CandidateRecord, Protocol
from resources.ledger import Ledger

KIND = "test-set"


@dataclass(frozen=True, slots=True)
class SealedTestSet:
    """The seal on the test set of one model."""

    ledger: Ledger
    model: str

    def freeze(self, candidate: CandidateRecord, protocol: Protocol) -> None:
        """Writes down the criteria that were frozen for a candidate.

        Raises:
            ClinicalError: it cannot be written, or the candidate has met the test set under other
                criteria, which is recorded; then the criteria are not frozen.
        """
        pair = _pair(candidate, protocol)

        def freezing(connection: Connection) -> list[Act]:
            late = any(
                entry.act.subject.version == candidate.version and _details(entry) != pair
                for entry in self._entries("testset.opened", connection)
            )
            return [
                self.ledger.act(
                    "protocol.frozen",
                    self._subject(candidate),
                    pair,
                    outcome="refused" if late else "done",
                    reason="the candidate has met the test set under other criteria" * late,
                )
            ]

        if self.ledger.decide(freezing)[0].act.outcome == "refused":
            raise ClinicalError(
                "This candidate has met the test set already, under other acceptance criteria:"
                " criteria that are changed once results are known prove nothing",
                where=f"model {self.model}, candidate {candidate.version}",
                repair="Put the criteria back; or give the spec another version, which is another"
                " candidate: it is reviewed anew, and the card counts it as one more that met the"
                " test set",
            )

    def open(self, candidate: CandidateRecord, protocol: Protocol) -> int:
        """Writes down that the test set is opened for a candidate; call it before reading a row.

        Returns:
            How many candidates have met the test set, this one included: each pair of candidate
            and criteria counts once, because the same candidate again learns nothing new.

        Raises:
            ClinicalError: the ledger does not hold these criteria as frozen for this candidate, or
                the opening cannot be written; then no test row may be read.
        """
        pair = _pair(candidate, protocol)

        def opening(connection: Connection) -> list[Act]:
            if pair not in map(_details, self._entries("protocol.frozen", connection)):
                raise ClinicalError(
                    "The ledger does not say that these acceptance criteria were frozen for this"
                    " candidate, so the test set stays sealed",
                    where=f"model {self.model}, candidate {candidate.version}",
                    repair="Materialize the protocol, then the test predictions",
                )
            before = self._entries("testset.opened", connection)
            counted = Frozen(
                pair.candidate_sha256, pair.protocol_sha256, _place(map(_details, before), pair)
            )
            return [self.ledger.act("testset.opened", self._subject(candidate), counted)]

        self.ledger.decisions.refresh()  # before others wait
        return _count(self.ledger.decide(opening)[0])

    def openings(self, candidate: CandidateRecord, protocol: Protocol) -> int:
        """How many candidates had met the test set when this one first did, itself included."""
        opened = self._entries("testset.opened")
        return _place(map(_details, opened), _pair(candidate, protocol))

    def _entries(self, action: str, connection: Connection | None = None) -> list[Entry]:
        scan = self.ledger.decisions
        known = scan.refresh() if connection is None else scan.within(connection)
        return [
            entry
            for entry in known
            if entry.act.action == action
            and entry.act.outcome == "done"
            and (entry.act.subject.kind, entry.act.subject.id) == (KIND, self.model)
        ]

    def _subject(self, candidate: CandidateRecord) -> Subject:
        return Subject(KIND, self.model, candidate.version)


def _pair(candidate: CandidateRecord, protocol: Protocol) -> Frozen:
    return Frozen(candidate.onnx_sha256, protocol.digest)


def _details(entry: Entry) -> Frozen:
    found: Frozen = entry.act.details
    return Frozen(found.candidate_sha256, found.protocol_sha256)


def _count(entry: Entry) -> int:
    found: Frozen = entry.act.details
    return found.count


def _place(opened: Iterable[Frozen], pair: Frozen) -> int:
    """Place of ``pair`` among the pairs in the order of their first opening, from 1."""
    pairs = list(dict.fromkeys([*opened, pair]))
    return pairs.index(pair) + 1
