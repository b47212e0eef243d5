"""Time stamps fetched from a real authority over HTTP and kept beside the notes."""

from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.timestamp import verify_timestamp
from resources.witnesses.notes import NoteStore
from resources.witnesses.timestamp import TimestampWitness
from resources.witnesses.urls import witness_url
from tests.unit.ledger.authority import Authority, served
from tests.unit.ledger.examples import ORIGIN, note, rows

NOTE = note(rows(), 6)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "tsa")


def witness(address: str, folder: Path) -> TimestampWitness:
    return TimestampWitness(witness_url(f"tsa+{address}"), NoteStore(str(folder)), timeout=5)


def test_a_note_is_stamped_once_and_its_token_verifies(
    authority: Authority, tmp_path: Path
) -> None:
    with served(authority) as (address, seen):
        one = witness(address, tmp_path)
        assert one.token(NOTE) is None
        one.publish(NOTE)
        one.publish(NOTE)
    assert len(seen) == 1
    token = one.token(NOTE)
    assert token is not None
    assert verify_timestamp(NOTE, token, authority.roots)
    assert one.notes(ORIGIN) == []
    assert one.kept.notes(ORIGIN) == [NOTE]
    names = sorted(path.name for path in tmp_path.rglob("0*"))
    assert [name.rpartition(".")[2] for name in names] == ["note", "tsr"]
    assert names[0].removesuffix(".note") == names[1].removesuffix(".tsr")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/down", "HTTP 503"),
        ("/moved", "HTTP 302"),
        ("/page", "not a time stamp"),
        ("/long", "too long"),
    ],
)
def test_an_authority_that_does_not_do_its_work(
    authority: Authority, tmp_path: Path, path: str, words: str
) -> None:
    with served(authority) as (address, _):
        one = witness(address + path, tmp_path)
        with pytest.raises(ClinicalError, match=words) as caught:
            one.publish(NOTE)
    assert caught.value.where == f"tsa+{address}{path}"
    assert one.token(NOTE) is None


def test_a_replayed_answer_is_refused(authority: Authority, tmp_path: Path) -> None:
    with served(authority) as (address, _):
        witness(address + "/replay", tmp_path / "a").publish(NOTE)
        one = witness(address + "/replay", tmp_path / "b")
        with pytest.raises(ClinicalError, match="answered another request"):
            one.publish(NOTE)
    assert one.token(NOTE) is None


def test_an_authority_that_is_not_there(tmp_path: Path) -> None:
    one = witness("http://127.0.0.1:9", tmp_path)
    with pytest.raises(ClinicalError, match="gave no time stamp"):
        one.publish(NOTE)
    assert one.kept.notes(ORIGIN) == [NOTE]  # the note is safe without its stamp
