"""Locks between processes: one holder, and free as soon as the holder is dead."""

import time
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from resources.locks import held, is_held
from tests.unit.resources.faults import kill_after, start

HOLDER = """
import sys, time
from pathlib import Path
from resources.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_for_the_block_and_no_longer(tmp_path: Path) -> None:
    lock = tmp_path / "a/b.lock"
    assert not is_held(lock)
    with held(lock):
        assert is_held(lock)
        with pytest.raises(ClinicalError, match="not free within 0 seconds"), held(lock):
            pass
    assert not is_held(lock)
    with held(lock):
        pass


def test_an_error_in_the_block_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    with pytest.raises(ZeroDivisionError), held(lock):
        _ = 1 / 0
    assert not is_held(lock)


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    process = start(HOLDER, str(lock))
    assert process.stdout is not None
    while not is_held(lock):
        time.sleep(0.02)
    assert kill_after(process, 0.0) == ["held"]
    assert not is_held(lock)
    with held(lock):
        pass


def test_a_folder_that_cannot_be_made_is_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(ClinicalError, match="lock cannot be made"), held(tmp_path / "taken/a.lock"):
        pass


def test_a_damaged_lock_file_is_one_paragraph(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_bytes(b"not a database " * 100)
    with pytest.raises(ClinicalError, match=r"lock file is damaged.*delete the file"), held(lock):
        pass
    with pytest.raises(ClinicalError, match=r"lock file is damaged.*a\.lock"):
        is_held(lock)
    lock.unlink()
    with held(lock):
        assert is_held(lock)
