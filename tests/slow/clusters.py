"""A PostgreSQL server of a test's own, which may be killed; skipped where its programs are not."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = [Path(on_path)] if on_path else installed
    return found[-1].parent if found else None


class Cluster:
    """A server below ``folder`` with its own port."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        self._programs = programs
        # PostgreSQL refuses to run as root; every installation has a user for it.
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "--no-sync")
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Starts it, after a crash as well, and waits until it answers."""
        options = (
            f"-p {self.port} -k {self.data} -c listen_addresses=127.0.0.1 -c shared_buffers=16MB"
        )
        for attempt in range(20):
            try:
                self._ctl("start", "-o", options, "-l", str(self.log), "-t", "30")
                return
            except subprocess.CalledProcessError:
                if attempt == 19:
                    raise
                time.sleep(0.2)  # processes of the killed server are still ending

    def stop(self, mode: str) -> None:
        """Stops it; ``immediate`` is as a crash: nothing is flushed."""
        self._ctl("stop", "-m", mode)

    def kill(self) -> None:
        """SIGKILL to the server and to every process of it."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def remove(self) -> None:
        """Stops it if it runs."""
        if (self.data / "postmaster.pid").exists():
            subprocess.run(self._command("pg_ctl", "stop", "-D", str(self.data), "-m", "immediate"))

    def _ctl(self, action: str, *arguments: str) -> None:
        self._run("pg_ctl", action, "-D", str(self.data), "-w", *arguments)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [*self._as, str(self._programs / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments),
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def cluster(size: str = "") -> Iterator[Cluster]:
    """A server that runs; with ``size`` on a disk of its own that is no larger."""
    programs = _programs()
    if programs is None or (os.getuid() == 0 and not shutil.which("runuser")):
        pytest.skip("PostgreSQL's programs are not installed here: no server that may be killed")
    folder = Path(tempfile.mkdtemp(prefix="clinical-cluster-"))
    mounted = False
    try:
        folder.chmod(0o755)
        if size:
            command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
            if not mounted:
                pytest.skip("a file system cannot be mounted here: full disk not tried this way")
        server = Cluster(folder, programs)
        try:
            server.start()
            yield server
        finally:
            server.remove()
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)
