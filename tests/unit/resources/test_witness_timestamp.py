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


def witness(address: str, folder: Path, roots: str = "") -> TimestampWitness:
    url = witness_url(f"tsa+{address}{roots}")
    return TimestampWitness(url, NoteStore(str(folder)), timeout=5)


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


def test_a_forged_answer_is_not_kept_where_roots_are_named(
    authority: Authority, tmp_path: Path
) -> None:
    forger = Authority(tmp_path / "forger")
    roots = f"#{authority.folder}/roots.pem"
    with served(forger) as (address, _):
        one = witness(address, tmp_path / "kept", roots)
        assert one.name == f"tsa+{address}"
        with pytest.raises(ClinicalError, match="not signed by an authority that you trust"):
            one.publish(NOTE)
    assert list((tmp_path / "kept").rglob("*.tsr")) == []


def test_a_token_that_does_not_hold_is_replaced(authority: Authority, tmp_path: Path) -> None:
    forger = Authority(tmp_path / "forger")
    with served(forger) as (address, _):
        witness(address, tmp_path / "kept").publish(NOTE)
    with served(authority) as (address, seen):
        one = witness(address, tmp_path / "kept", f"#{authority.folder}/roots.pem")
        assert one.token(NOTE) is None
        one.publish(NOTE)
        one.publish(NOTE)
    assert len(seen) == 1
    token = one.token(NOTE)
    assert token is not None
    assert verify_timestamp(NOTE, token, authority.roots)
    names = sorted(path.name[82:] for path in (tmp_path / "kept").rglob("*.tsr"))
    assert names == ["2.tsr", "tsr"]


def test_a_token_about_something_else_is_replaced_without_roots(
    authority: Authority, tmp_path: Path
) -> None:
    with served(authority) as (address, _):
        one = witness(address, tmp_path)
        one.kept.attach(NOTE, ".tsr", b"no token")
        assert one.token(NOTE) is None
        one.publish(NOTE)
    assert one.token(NOTE) is not None


def test_roots_that_cannot_be_read_are_told(authority: Authority, tmp_path: Path) -> None:
    with served(authority) as (address, _):
        one = witness(address, tmp_path, "#/no/such/roots.pem")
        with pytest.raises(ClinicalError, match="roots of the time-stamping authority cannot"):
            one.publish(NOTE)
    with pytest.raises(ValueError, match="absolute path"):
        witness_url("tsa+https://tsa.example/x#roots.pem")
