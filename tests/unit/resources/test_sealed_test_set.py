"""The seal on the test set: frozen before it is opened, openings counted (GML-08)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.records import CandidateRecord, Protocol
from resources.ledger_database.reader import Wanted
from resources.sealed_test_set import SealedTestSet
from tests.unit.resources.governed import Governed


@dataclass(frozen=True)
class Candidate:
    """What the seal reads of a candidate."""

    version: str
    onnx_sha256: str


@dataclass(frozen=True)
class Criteria:
    """What the seal reads of a protocol."""

    digest: str


def pair(version: str, criteria: str = "1") -> tuple[CandidateRecord, Protocol]:
    candidate: Any = Candidate(version, version * 64)
    return cast("CandidateRecord", candidate), cast("Protocol", Criteria(criteria * 64))


@pytest.fixture
def place(tmp_path: Path) -> Governed:
    return Governed(tmp_path)


@pytest.fixture
def sealed(place: Governed) -> SealedTestSet:
    return SealedTestSet(place.ledger, "m")


def test_it_stays_sealed_until_criteria_are_in_the_ledger(
    place: Governed, sealed: SealedTestSet
) -> None:
    with pytest.raises(ClinicalError, match="the test set stays sealed"):
        sealed.open(*pair("a"))
    sealed.freeze(*pair("a"))
    with pytest.raises(ClinicalError, match="stays sealed"):
        sealed.open(*pair("a", "2"))  # other criteria
    with pytest.raises(ClinicalError, match="stays sealed"):
        sealed.open(*pair("b"))  # another candidate
    assert place.ledger.reader.proven(Wanted(action="testset.opened")) == []
    assert sealed.open(*pair("a")) == 1


def test_each_pair_counts_once_and_each_opening_is_an_entry(
    place: Governed, sealed: SealedTestSet
) -> None:
    for version in ("a", "b"):
        sealed.freeze(*pair(version))
    assert sealed.open(*pair("a")) == 1
    assert sealed.open(*pair("b")) == 2
    assert sealed.open(*pair("a")) == 1
    assert (sealed.openings(*pair("a")), sealed.openings(*pair("b"))) == (1, 2)
    opened = place.ledger.reader.proven(Wanted(action="testset.opened"))
    assert [entry.act.details.count for entry in opened] == [1, 2, 1]


def test_criteria_do_not_change_once_results_are_known(
    place: Governed, sealed: SealedTestSet
) -> None:
    sealed.freeze(*pair("a"))
    sealed.freeze(*pair("a", "2"))  # nothing is known yet
    sealed.open(*pair("a", "2"))
    sealed.freeze(*pair("a", "2"))  # the same again
    with pytest.raises(ClinicalError, match="criteria that are changed once results are known"):
        sealed.freeze(*pair("a", "3"))
    with pytest.raises(ClinicalError, match="stays sealed"):
        sealed.open(*pair("a", "3"))
    sealed.freeze(*pair("b", "3"))
    assert sealed.open(*pair("b", "3")) == 2
    told = place.ledger.reader.proven(Wanted(action="protocol.frozen"))
    assert [e.act.outcome for e in told] == ["done", "done", "done", "refused", "done"]


def test_another_model_does_not_open_it(place: Governed, sealed: SealedTestSet) -> None:
    SealedTestSet(place.ledger, "other").freeze(*pair("a"))
    with pytest.raises(ClinicalError, match="stays sealed"):
        sealed.open(*pair("a"))


def test_an_opening_cannot_be_hidden(place: Governed, sealed: SealedTestSet) -> None:
    for version in ("a", "b"):
        sealed.freeze(*pair(version))
    sealed.open(*pair("a"))
    place.intrude("UPDATE ledger_entries SET action = 'x' WHERE action = 'testset.opened'")
    assert sealed.open(*pair("b")) == 2
