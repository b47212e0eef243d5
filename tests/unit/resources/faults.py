"""Real faults for the storage tests: a tiny disk, and a writer process that is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


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
        subprocess.run(["umount", str(folder)], check=True)


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
