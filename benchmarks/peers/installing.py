"""An environment of its own for each peer, made by uv in a folder outside of the repository."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.peers.pins import Peer

_SHOWN = ("numpy", "pandas", "scipy")


@dataclass(frozen=True, slots=True)
class Installed:
    """What came of it.

    Attributes:
        python: the environment's interpreter.
        versions: of the peer and of what it counts with, by name; empty where it failed.
        failure: why there is no such environment, in uv's last words; empty where there is.
    """

    python: Path
    versions: dict[str, str]
    failure: str = ""


def install(peer: Peer, cache: Path) -> Installed:
    """Makes the peer's environment in ``cache``, or finds it there from an earlier run.

    Raises:
        ValueError: ``cache`` lies within the repository.
    """
    if cache.resolve().is_relative_to(ROOT):
        raise ValueError("Environments of peers do not belong into the repository")
    folder = cache / peer.distribution
    python = folder / "bin" / "python"
    done = folder / "installed.json"
    wanted = json.dumps(peer.requirements)
    if not done.is_file() or done.read_text() != wanted:
        failure = _made(folder, python, peer.requirements)
        if failure:
            return Installed(python, {}, failure)
        done.write_text(wanted)
    return Installed(python, _versions(python, peer))


def _made(folder: Path, python: Path, requirements: tuple[str, ...]) -> str:
    folder.parent.mkdir(parents=True, exist_ok=True)
    uv = str(Path(sys.executable).with_name("uv"))
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *requirements],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return " ".join(done.stderr.split())[-300:] or f"uv ended with {done.returncode}"
    return ""


def _versions(python: Path, peer: Peer) -> dict[str, str]:
    names = (peer.distribution, *_SHOWN)
    code = (
        "import json, sys\nfrom importlib.metadata import version\n"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    done = subprocess.run(
        [str(python), "-c", code, *names], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))
