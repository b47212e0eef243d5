"""Verifying from where it was verified last: nothing that a witness holds is passed over."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, read, sign
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.verification import Row
from resources import ledger as ledger_module
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_keys import LedgerKeys
from resources.ledger_verifying import verify_own
from resources.witnessing import Witnessing


def opened(folder: Path) -> Ledger:
    """The ledger as another process opens it."""
    for one in ledger_module._opened.values():
        one.store.engine.close()
    ledger_module._opened.clear()
    return open_ledger_at(f"sqlite:///{folder}/ledger.db", folder / "keys", folder)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    yield opened(tmp_path / "installation")
    ledger_module._opened.clear()


def write(ledger: Ledger, count: int, name: str = "run") -> None:
    for number in range(count):
        ledger.record("run.started", Subject("run", f"{name}-{number}"), Nothing())


def publish(ledger: Ledger, held: Path) -> list[str]:
    """What the witness holds from then on."""
    keys = LedgerKeys(ledger.folder / "keys")
    witnessing = Witnessing.of(ledger, keys, [f"folder:{held}"], {})
    witnessing.publish()
    return witnessing.asked().notes


def test_an_older_checkpoint_of_a_witness_contradicts_a_rewrite_before_the_start(
    ledger: Ledger, tmp_path: Path
) -> None:
    """By somebody who has the signing key and writes anew what was verified last."""
    folder = ledger.folder
    write(ledger, 5)
    publish(ledger, tmp_path / "held")
    ledger.store.engine.close()
    shutil.copytree(folder, tmp_path / "older")
    ledger = opened(folder)
    write(ledger, 10)
    held = publish(ledger, tmp_path / "held")
    ledger.store.engine.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    ledger = opened(folder)
    write(ledger, 40, "forged")
    note, head = ledger.store.checkpoint(), ledger.store.head()
    memory = {"note": note, "peaks": [peak.hex() for peak in head.peaks]}
    (folder / "verified.json").write_text(json.dumps(memory))
    write(ledger, 2)
    found = verify_own(ledger, whole=False, witnessed=held)
    assert found.report.first == read(note).size > max(read(one).size for one in held)
    (problem,) = found.problems
    assert "is not what was there: the witnessed checkpoint" in problem.what
    assert problem.seq is not None
    sizes = [read(one).size for one in held]
    assert min(sizes) <= problem.seq < max(sizes)
    lie = sign(Checkpoint(ledger.store.origin, 3, bytes(32)), [signing(ledger)])
    assert not verify_own(ledger, whole=False, witnessed=[lie]).passed


def test_after_an_older_state_was_put_back_the_right_entries_are_named(
    ledger: Ledger, tmp_path: Path
) -> None:
    folder = ledger.folder
    write(ledger, 5)
    kept = ledger.store.checkpoint()
    ledger.store.engine.close()
    shutil.copytree(folder, tmp_path / "older")
    ledger = opened(folder)
    write(ledger, 10)
    assert verify_own(ledger).passed
    verified = read(json.loads((folder / "verified.json").read_text())["note"]).size
    memory = (folder / "verified.json").read_bytes()
    ledger.store.engine.close()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "older", folder)
    ledger = opened(folder)
    write(ledger, 40, "others")
    (folder / "verified.json").write_bytes(memory)
    found = verify_own(ledger, whole=False)
    (problem,) = found.problems
    assert problem.seq == read(kept).size
    assert f"the remembered checkpoint of {verified} entries has another root" in problem.what


def signing(ledger: Ledger):
    return LedgerKeys(ledger.folder / "keys").signing(ledger.store.origin)


def test_older_checkpoints_of_a_witness_agree(ledger: Ledger, tmp_path: Path) -> None:
    for count in (1, 2, 5, 9):
        write(ledger, count)
        held = publish(ledger, tmp_path / "held")
    assert verify_own(ledger).passed
    write(ledger, 3)
    found = verify_own(ledger, whole=False, witnessed=held)
    assert found.problems == ()
    assert found.report.first > max(read(note).size for note in held)
    assert found.report.checkpoints >= len(held) + 2


def test_a_tree_that_lacks_a_node_is_told(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clinical_assets.errors import ClinicalError

    write(ledger, 6)
    held = publish(ledger, tmp_path / "held")
    assert verify_own(ledger).passed

    def lacks(*_: object) -> dict[int, list[bytes]]:
        raise ClinicalError("The ledger lacks a node", repair="Restore it")

    monkeypatch.setattr(ledger.reader, "consistencies", lacks)
    found = verify_own(ledger, whole=False, witnessed=held)
    assert [problem.what for problem in found.problems] == ["The ledger lacks a node"]


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_verified_is_remembered_though_others_go_on_writing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    read_rows = ledger.reader.rows

    def busy(first: int = 0, end: int | None = None) -> Iterator[Row]:
        yield from read_rows(first, end)
        write(ledger, 1)

    write(ledger, 5)
    monkeypatch.setattr(ledger.reader, "rows", busy)
    size = ledger.store.head().size
    assert verify_own(ledger, whole=whole).passed
    found = verify_own(ledger, whole=False)
    assert found.problems == ()
    assert found.report.first == size
    again = verify_own(ledger, whole=False)
    assert again.report.first > size
