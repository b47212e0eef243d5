"""A ledger is begun once: where its keys are and it is not, it was lost, and that is said."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Actor
from resources import ledger as ledger_module
from resources.actors import acting
from resources.key_changes import rotate_key
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_database import store as store_module
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.ledger_verifying import verify_own
from resources.witnessing import Witnessing
from tests.unit.resources.ledgers import LedgerInUse, act, empty


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    closed()


def closed() -> None:
    """As if the process had ended."""
    for opened in ledger_module._opened.values():
        opened.store.engine.close()
    ledger_module._opened.clear()


def opened(in_use: LedgerInUse, keys: str = "keys") -> Ledger:
    return open_ledger_at(in_use.url, in_use.folder / keys, in_use.folder)


def written(in_use: LedgerInUse, keys: str = "keys") -> str:
    """The name of a ledger that another process began, or went on with."""
    store = opened(in_use, keys).store
    store.append([act()])
    closed()
    return store.origin


def emptied(in_use: LedgerInUse) -> None:
    if in_use.postgresql:
        empty(in_use.url)
        return
    for path in in_use.folder.glob("ledger.db*"):
        path.unlink()
    (in_use.folder / "ledger.db").touch()


def missing(in_use: LedgerInUse) -> None:
    emptied(in_use)
    (in_use.folder / "ledger.db").unlink(missing_ok=True)


def without_tables(in_use: LedgerInUse) -> None:
    emptied(in_use)
    if not in_use.postgresql:
        with closing(sqlite3.connect(in_use.folder / "ledger.db")) as database:
            database.execute("VACUUM")


def private_key_too(in_use: LedgerInUse) -> None:
    emptied(in_use)
    for path in (in_use.folder / "keys").glob("*.pem"):
        path.unlink()


@pytest.mark.parametrize("lose", [emptied, missing, without_tables, private_key_too])
def test_a_ledger_that_was_emptied_is_not_begun_anew(
    in_use: LedgerInUse, lose: Callable[[LedgerInUse], None]
) -> None:
    written(in_use)
    lose(in_use)
    for _ in range(2):  # what the first refusal leaves behind changes nothing
        with pytest.raises(ClinicalError, match="The ledger is gone, but its key is here") as lost:
            opened(in_use).store.append([])
        assert "clinical backup restore" in lost.value.repair
        assert lost.value.where
        closed()
    written(in_use, "other-keys")  # to begin anew, knowingly


def test_another_ledger_in_its_place_is_refused(in_use: LedgerInUse) -> None:
    first = written(in_use)
    emptied(in_use)
    second = written(in_use, "other-keys")
    with pytest.raises(ClinicalError, match="not the one whose keys are here") as other:
        opened(in_use).store.head()
    assert first in other.value.what
    assert second in str(other.value.where)
    closed()
    assert opened(in_use, "other-keys").store.origin == second


def private_key(in_use: LedgerInUse) -> None:
    for path in (in_use.folder / "keys").glob("*.pem"):
        path.unlink()


def seen_note_too(in_use: LedgerInUse) -> None:
    private_key(in_use)
    for path in (in_use.folder / "keys").glob("ledger-seen-*"):
        path.unlink()


def whole_folder(in_use: LedgerInUse) -> None:
    shutil.rmtree(in_use.folder / "keys")


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        (private_key, "private key is gone"),
        (seen_note_too, "private key is gone"),
        (whole_folder, "none of its keys"),
    ],
)
def test_a_ledger_that_is_there_gets_no_new_key_in_silence(
    in_use: LedgerInUse, lose: Callable[[LedgerInUse], None], told: str
) -> None:
    written(in_use)
    lose(in_use)
    for _ in range(2):
        with pytest.raises(ClinicalError, match=told):
            written(in_use)
        closed()
    assert not list((in_use.folder / "keys").glob("*.pem"))


def test_a_key_that_was_put_in_force_without_an_entry_is_put_on_record(
    in_use: LedgerInUse,
) -> None:
    """As by an earlier version that was killed in between; or by hand."""
    name = written(in_use)
    keys = LedgerKeys(in_use.folder / "keys")
    old = keys.signing(name).public
    private_key(in_use)
    with keys.replacing(name) as bring_up:
        new = bring_up()
    ledger = open_ledger_at(in_use.url, keys.folder, in_use.folder, older=True)
    assert "one that no entry tells of" in str(verify_own(ledger).problems)
    for _ in range(2):
        ledger = opened(in_use)
        told = ledger.reader.proven(Wanted(action="key.created"))
        assert len(told) == 2, "once"
        assert (told[1].act.subject.id, told[1].act.details.after) == (str(new), str(new))
        assert str(old) in told[0].act.subject.id
        assert str(old) == told[1].act.details.before
        assert "nobody answers for" in str(verify_own(ledger).problems)
        closed()
    ledger = opened(in_use)
    with acting(Actor("person", "rita", "Rita Root", "session")):
        rotate_key(Witnessing.of(ledger, LedgerKeys(keys.folder), [], {}), "found replaced")
    assert verify_own(ledger).passed


def test_a_retired_key_that_is_back_in_force_is_told(in_use: LedgerInUse) -> None:
    """Somebody puts the old file back and removes what says that it was retired."""
    name = written(in_use)
    keys = LedgerKeys(in_use.folder / "keys")
    old = keys.signing(name)
    (file,) = keys.folder.glob("ledger-*.pem")
    before = file.read_bytes()
    with acting(Actor("person", "rita", "Rita Root", "session")):
        rotate_key(Witnessing.of(opened(in_use), keys, [], {}), "yearly")
    closed()
    shutil.rmtree(keys.folder / "ledger-retired")
    file.write_bytes(before)
    ledger = open_ledger_at(in_use.url, keys.folder, in_use.folder, older=True)
    assert f"one that no entry tells of: {old.public}" in str(verify_own(ledger).problems)
    closed()
    assert "nobody answers for" in str(verify_own(opened(in_use)).problems)


def test_a_beginning_that_was_cut_off_goes_on_under_its_name(
    in_use: LedgerInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(store_module.Head):
        @classmethod
        def signed(cls, *_: object) -> store_module.Head:
            raise OSError

    keys = LedgerKeys(in_use.folder / "keys")
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "Head", Cut)
        with pytest.raises(ClinicalError, match="cannot be written"):
            opened(in_use).store.head()
    closed()
    (cut,) = set(keys.names())  # its key is on disk already
    assert written(in_use) == cut
    assert set(keys.names()) == {cut}
    emptied(in_use)
    with pytest.raises(ClinicalError, match="The ledger is gone"):
        opened(in_use).store.head()


def test_threads_get_one_ledger_and_another_folder_another(tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "keys"
    gate = threading.Barrier(8)
    found: list[Ledger] = []

    def open_it() -> None:
        gate.wait()
        found.append(open_ledger_at(url, keys, tmp_path))

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    found[0].store.head()
    assert open_ledger_at(url, keys, tmp_path / "elsewhere").folder == tmp_path / "elsewhere"
