"""Real faults for the storage tests: a tiny disk, and a writer process that is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from resources.snapshot_store import SnapshotStore


@contextmanager
def tiny_disk(folder: Path, size: str = "256k") -> Iterator[Path]:
    """A file system of its own, of this size; the test is skipped where mounting is denied."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("a file system cannot be mounted here: full disk not tried this way")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def object_path(store: SnapshotStore, digest: str) -> Path:
    """Where an object of a store in a folder lies, or would lie."""
    return Path(store.url) / digest[:2] / digest


def fill(disk: Path) -> Path:
    """A file that takes all that is free on ``disk``; delete it to have room again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    return filler


@contextmanager
def watched_disk(patch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Path]]]:
    """What is put on disk ("fsync") and what gets its name ("link"), in order, while inside."""
    seen: list[tuple[str, Path]] = []
    fsync, link = os.fsync, os.link

    def watched_fsync(handle: int) -> None:
        seen.append(("fsync", Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    def watched_link(source: Path, target: Path) -> None:
        seen.append(("link", Path(target)))
        link(source, target)

    with patch.context() as patched:
        patched.setattr(os, "fsync", watched_fsync)
        patched.setattr(os, "link", watched_link)
        yield seen


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process that runs ``script``; it shares nothing with this one but the disk."""
    root = Path(__file__).resolve().parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen[str], seconds: float) -> list[str]:
    """Wait until the process says that it began, kill it ``seconds`` later; its whole lines."""
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return [line.strip() for line in lines if line.endswith("\n")]
