"""The ledger's keys: made once, rotated without a gap, and never used again once retired."""

import shutil
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, SigningKey, sign, verify
from clinical_assets.ledger.merkle import EMPTY_ROOT
from resources.ledger_keys import BEGINNING, RETIRED, TRUSTED, WITHDRAWN, LedgerKeys
from resources.newest_seen import NewestSeen
from tests.unit.resources.faults import fill, kill_after, start, tiny_disk

NAME = "clinical.example/ledger"
STATED = Checkpoint(NAME, 0, EMPTY_ROOT)


@pytest.fixture
def keys(tmp_path: Path) -> LedgerKeys:
    return LedgerKeys(tmp_path / "keys")


def pem_of(keys: LedgerKeys) -> Path:
    return keys.folder / "ledger-clinical.example%2Fledger.pem"


def test_a_key_is_made_once_for_its_owner_alone_and_trusted(keys: LedgerKeys) -> None:
    key = keys.signing(NAME)
    assert keys.signing(NAME) is key
    assert LedgerKeys(keys.folder).signing(NAME).public == key.public
    assert stat.S_IMODE(pem_of(keys).stat().st_mode) == 0o600
    assert keys.trusted() == (key.public,)
    lines = [path.read_text() for path in (keys.folder / TRUSTED).glob("*.vkey")]
    assert lines == [f"{key.public}\n"]
    assert verify(sign(STATED, [key]), keys.trusted()) == STATED


def nothing(_: LedgerKeys) -> None:
    pass


def seen_only(keys: LedgerKeys) -> None:
    """A ledger that was opened here before its public keys were kept."""
    assert NewestSeen(keys.folder).keep(sign(STATED, [keys.signing(NAME)]))
    shutil.rmtree(keys.folder / TRUSTED)


def retired_only(keys: LedgerKeys) -> None:
    keys.rotate(NAME)
    shutil.rmtree(keys.folder / TRUSTED)


def withdrawn_only(keys: LedgerKeys) -> None:
    keys.withdraw(str(keys.rotate(NAME)[0]))
    shutil.rmtree(keys.folder / TRUSTED)
    shutil.rmtree(keys.folder / RETIRED)


def wiped(keys: LedgerKeys) -> None:
    """Only the database, which says that it holds the ledger, is left."""
    shutil.rmtree(keys.folder)
    keys.is_there(NAME)


@pytest.mark.parametrize("left", [nothing, seen_only, retired_only, withdrawn_only, wiped])
def test_a_key_that_is_gone_is_not_made_anew_in_silence(
    keys: LedgerKeys, left: Callable[[LedgerKeys], None]
) -> None:
    keys.signing(NAME)
    assert not keys.is_lost(NAME)
    left(keys)
    pem_of(keys).unlink(missing_ok=True)
    fresh = LedgerKeys(keys.folder)
    for asked in (keys,) if left is wiped else (keys, fresh):
        for _ in range(2):
            assert asked.is_lost(NAME)
            with pytest.raises(ClinicalError, match="private key is gone"):
                asked.signing(NAME)
    assert not list(keys.folder.glob("*.pem"))
    keys.signing("another")  # a new ledger's is made


def test_a_beginning_that_was_cut_off_makes_its_key_though_its_public_half_is_there(
    keys: LedgerKeys,
) -> None:
    keys.signing(NAME)
    pem_of(keys).unlink()
    (keys.folder / BEGINNING).write_text(NAME)
    known = LedgerKeys(keys.folder)
    known.is_there(NAME)  # somebody else wrote that file
    with pytest.raises(ClinicalError, match="private key is gone"):
        known.signing(NAME)
    assert LedgerKeys(keys.folder).signing(NAME).public in keys.trusted()


def test_a_lost_key_is_replaced_once_the_block_is_through(keys: LedgerKeys) -> None:
    old = keys.signing(NAME).public
    with pytest.raises(ClinicalError, match="is there, so no lost one"), keys.replacing(NAME):
        pass
    pem_of(keys).unlink()
    with keys.replacing(NAME), pytest.raises(ClinicalError, match="private key is gone"):
        keys.signing(NAME)  # before the block brings it up
    assert keys.is_lost(NAME)
    with suppress(KeyError), keys.replacing(NAME) as bring_up:
        failed = bring_up()
        assert keys.signing(NAME).public == failed
        assert failed in keys.trusted()
        assert keys.is_lost(NAME)
        raise KeyError
    with pytest.raises(ClinicalError, match="private key is gone"):
        keys.signing(NAME)
    with keys.replacing(NAME) as bring_up:
        new = bring_up()
    assert LedgerKeys(keys.folder).signing(NAME).public == keys.signing(NAME).public == new
    assert set(keys.trusted()) == {old, failed, new}, "what they signed goes on to count"


def test_each_ledger_has_its_own_key(keys: LedgerKeys) -> None:
    one, other = keys.signing("a"), keys.signing("b")
    assert one.public != other.public
    keys.rotate("a")
    assert keys.signing("b").public == other.public


def test_asking_for_trusted_keys_makes_nothing(keys: LedgerKeys) -> None:
    assert keys.trusted() == keys.withdrawn() == ()
    assert not keys.folder.exists()


def test_rotation_keeps_old_signatures_valid_and_is_seen_by_others(keys: LedgerKeys) -> None:
    old = keys.signing(NAME)
    other = LedgerKeys(keys.folder)
    other.signing(NAME)
    before, new = keys.rotate(NAME)
    assert before == old.public
    assert new.public != old.public
    assert other.signing(NAME).public == new.public
    assert set(keys.trusted()) == {old.public, new.public}
    for key in (old, new):
        assert verify(sign(STATED, [key]), keys.trusted()) == STATED
    held = b"".join(path.read_bytes() for path in keys.folder.rglob("*") if path.is_file())
    assert old.pem not in held


def test_there_must_be_a_key_to_rotate(keys: LedgerKeys) -> None:
    with pytest.raises(ClinicalError, match="no key of this ledger that could be rotated"):
        keys.rotate(NAME)


def test_a_retired_key_that_comes_back_is_refused(keys: LedgerKeys, tmp_path: Path) -> None:
    keys.signing(NAME)
    shutil.copy2(pem_of(keys), tmp_path / "backup.pem")
    _, new = keys.rotate(NAME)
    shutil.copy2(pem_of(keys), tmp_path / "new.pem")
    (tmp_path / "backup.pem").replace(pem_of(keys))
    for asked in (keys, LedgerKeys(keys.folder)):
        with pytest.raises(ClinicalError, match="was retired and has come back"):
            asked.signing(NAME)
        with pytest.raises(ClinicalError, match="was retired and has come back"):
            asked.rotate(NAME)
    (tmp_path / "new.pem").replace(pem_of(keys))
    assert keys.signing(NAME).public == new.public


def test_withdrawing(keys: LedgerKeys, tmp_path: Path) -> None:
    old = keys.signing(NAME)
    note = sign(STATED, [old])
    with pytest.raises(ClinicalError, match="in force and signs"):
        keys.withdraw(str(old.public))
    shutil.copy2(pem_of(keys), tmp_path / "stolen.pem")
    keys.rotate(NAME)
    assert keys.withdraw(str(old.public)) == old.public
    assert keys.withdraw(str(old.public)) == old.public
    assert keys.withdrawn() == (old.public,)
    with pytest.raises(ClinicalError, match="No known key signed"):
        verify(note, keys.trusted())
    # Neither a copy of its line nor of its private half makes it count again.
    (keys.folder / TRUSTED / "mine.vkey").write_text(f"{old.public}\n")
    assert old.public not in keys.trusted()
    (tmp_path / "stolen.pem").replace(pem_of(keys))
    assert old.public not in keys.trusted()
    with pytest.raises(ClinicalError, match="was withdrawn and has come back"):
        keys.signing(NAME)


def test_only_trusted_keys_can_be_withdrawn(keys: LedgerKeys) -> None:
    keys.signing(NAME)
    with pytest.raises(ClinicalError, match="not among those that are trusted"):
        keys.withdraw(str(SigningKey.generate(NAME).public))
    with pytest.raises(ClinicalError, match="not a public key"):
        keys.withdraw("hello")
    assert not (keys.folder / WITHDRAWN).exists()


def test_another_installations_key_is_trusted_by_its_file(keys: LedgerKeys) -> None:
    mine, foreign = keys.signing(NAME), SigningKey.generate("elsewhere").public
    (keys.folder / TRUSTED / "elsewhere.vkey").write_text(f"\n{foreign}\n")
    assert set(keys.trusted()) == {mine.public, foreign}
    keys.withdraw(str(foreign))
    assert keys.trusted() == (mine.public,)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_that_others_can_read_is_refused(keys: LedgerKeys, mode: int) -> None:
    keys.signing(NAME)
    pem_of(keys).chmod(mode)
    for asked in (keys, LedgerKeys(keys.folder)):
        with pytest.raises(ClinicalError, match=f"by others than its owner.*mode {mode:o}"):
            asked.signing(NAME)
    pem_of(keys).chmod(0o600)
    keys.signing(NAME)


@pytest.mark.parametrize("damaged", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nQUJD\n"])
def test_a_damaged_key_is_told_and_left(keys: LedgerKeys, damaged: bytes) -> None:
    keys.signing(NAME)
    pem_of(keys).write_bytes(damaged)
    for act in (keys.signing, keys.rotate):
        with pytest.raises(ClinicalError, match="not an Ed25519 private key"):
            act(NAME)
    assert pem_of(keys).read_bytes() == damaged
    assert len(keys.trusted()) == 1  # verifying needs no private key


def test_half_a_key_is_no_key(keys: LedgerKeys) -> None:
    whole = keys.signing(NAME).pem
    pem_of(keys).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ClinicalError, match="not an Ed25519 private key"):
        keys.signing(NAME)


def test_a_folder_in_place_of_the_key(keys: LedgerKeys) -> None:
    pem_of(keys).mkdir(parents=True)
    with pytest.raises(ClinicalError, match="signing key cannot be read"):
        keys.signing(NAME)


@pytest.mark.parametrize("folder", [TRUSTED, RETIRED, WITHDRAWN])
def test_a_damaged_public_key_stops_what_needs_it(keys: LedgerKeys, folder: str) -> None:
    keys.signing(NAME)
    (keys.folder / folder).mkdir(exist_ok=True)
    (keys.folder / folder / "x.vkey").write_bytes(b"\xff")
    fresh = LedgerKeys(keys.folder)
    with pytest.raises(ClinicalError, match=f"cannot be read or is damaged \\({folder}/x"):
        _ = fresh.signing(NAME) if folder == RETIRED else fresh.trusted()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "x" * 300, "é" * 60])
def test_names_that_cannot_be(keys: LedgerKeys, name: str) -> None:
    with pytest.raises(ClinicalError, match="A ledger's name"):
        keys.signing(name)


def test_a_read_only_folder_serves_a_key_and_makes_none(keys: LedgerKeys) -> None:
    key = keys.signing(NAME)
    shutil.rmtree(keys.folder / TRUSTED)
    with read_only(keys.folder):
        fresh = LedgerKeys(keys.folder)
        assert fresh.signing(NAME).public == key.public
        assert fresh.trusted() == (key.public,)
        for act in (lambda: fresh.rotate(NAME), lambda: fresh.signing("another")):
            with pytest.raises(ClinicalError) as caught:
                act()
            assert "PRIVATE" not in str(caught.value)
        assert fresh.signing(NAME).public == key.public


class read_only:  # noqa: N801 - reads like a function
    """The folder mounted over itself, without the right to write, even for root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        for options in ("bind", "remount,ro,bind"):
            command = ["mount", "-o", options, str(self.folder), str(self.folder)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("a folder cannot be mounted read-only here")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


def test_a_full_disk_makes_no_key_and_spoils_none(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        keys = LedgerKeys(disk / "keys")
        old = keys.signing(NAME)
        filler = fill(disk)
        for act in (lambda: keys.rotate(NAME), lambda: keys.signing("another")):
            with pytest.raises(ClinicalError):
                act()
        assert not list(keys.folder.glob(".ledger-*.draft"))
        assert keys.signing(NAME).public == old.public
        filler.unlink()
        assert keys.rotate(NAME)[0] == old.public


MAKER = """
import sys
from pathlib import Path
from resources.ledger_keys import LedgerKeys
print(LedgerKeys(Path(sys.argv[1])).signing("n").public, flush=True)
"""


def test_of_two_makers_at_once_one_key_stays(tmp_path: Path) -> None:
    processes = [start(MAKER, str(tmp_path / "keys")) for _ in range(4)]
    said = {process.communicate()[0].strip() for process in processes}
    assert said == {str(LedgerKeys(tmp_path / "keys").signing("n").public)}


ROTATOR = """
import sys
from pathlib import Path
from resources.ledger_keys import LedgerKeys
keys = LedgerKeys(Path(sys.argv[1]))
print(keys.signing("n").public, flush=True)
while True:
    old, new = keys.rotate("n")
    print(new.public, flush=True)
"""


@pytest.mark.parametrize("wait", [0.01, 0.071])
def test_killed_while_rotating(tmp_path: Path, wait: float) -> None:
    said = kill_after(start(ROTATOR, str(tmp_path)), wait)
    keys = LedgerKeys(tmp_path)
    current = keys.signing("n")
    trusted = keys.trusted()
    assert current.public in trusted
    assert {PublicKey.parse(line) for line in said} <= set(trusted)
    keys.rotate("n")
    assert not list(tmp_path.glob(".ledger-*.draft"))
    # Whatever the kill left, only the key in force may sign.
    retired = [path.read_text().strip() for path in (tmp_path / RETIRED).glob("*.vkey")]
    assert {*retired, str(keys.signing("n").public)} == {str(key) for key in keys.trusted()}


STEPS = """
import os, signal, sys
from pathlib import Path
from resources.ledger_keys import LedgerKeys
left = 0
def dying(call):
    def step(*args, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **more)
    return step
for step in range(40):
    keys = LedgerKeys(Path(sys.argv[1]) / str(step))
    old = keys.signing("n").public
    child = os.fork()
    if child == 0:
        left = step
        os.fsync, os.link = dying(os.fsync), dying(os.link)
        Path.replace, Path.unlink = dying(Path.replace), dying(Path.unlink)
        keys.rotate("n")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(step, old, "killed" if os.WIFSIGNALED(status) else status, flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


def test_killed_before_each_step_of_a_rotation(tmp_path: Path) -> None:
    """At every step one whole, trusted key is in force, and the next rotation works."""
    lines = [line.split() for line in start(STEPS, str(tmp_path)).communicate()[0].splitlines()]
    assert len(lines) > 8
    assert [end for _, _, end in lines] == ["killed"] * (len(lines) - 1) + ["0"]
    rotated = []
    for step, line, _ in lines:
        keys, old = LedgerKeys(tmp_path / step), PublicKey.parse(line)
        in_force = SigningKey.from_pem("n", (keys.folder / "ledger-n.pem").read_bytes()).public
        lines_there = {path.read_text() for path in (keys.folder / TRUSTED).glob("*.vkey")}
        assert {f"{old}\n", f"{in_force}\n"} <= lines_there  # before anything mends it
        current = keys.signing("n").public
        rotated.append(current != old)
        assert {old, current} <= set(keys.trusted())
        assert keys.rotate("n")[0] == current
        assert not list(keys.folder.glob(".ledger-*.draft"))
    assert rotated == sorted(rotated)
    assert set(rotated) == {False, True}


def test_who_checked_the_old_key_while_another_rotates_does_not_retire_the_new_one(
    keys: LedgerKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.signing(NAME)
    late, checked = LedgerKeys(keys.folder), LedgerKeys._refuse_former
    tried: list[bool] = []

    def rotated_meanwhile(self: LedgerKeys, path: Path, key: PublicKey) -> None:
        checked(self, path, key)
        if self is late and not tried:
            tried.append(True)
            with suppress(ClinicalError):  # the lock is not free: the other one has to wait
                LedgerKeys(keys.folder).rotate(NAME)

    monkeypatch.setattr(LedgerKeys, "_refuse_former", rotated_meanwhile)
    monkeypatch.setattr("resources.ledger_keys._WAIT_SECONDS", 0.0)
    late.signing(NAME)
    assert tried
    assert LedgerKeys(keys.folder).signing(NAME).public in keys.trusted()
