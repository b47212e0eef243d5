"""The steps of ``clinical package reproduce``: unpack, lay out an environment, rebuild.

Each step is a function on folders and starts at most one process, with a minimal environment, so
that nothing of the interpreter that runs this command reaches the rebuild. What the steps print
goes to a log file; what came out is compared by ``clinical_assets.evidence.reproduction``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import Rebuild
from clinical_assets.evidence.package import write_files
from clinical_assets.evidence.source_archive import unpack_source

INSTALL_SECONDS = 3600
REBUILD_SECONDS = 3600
# What installers need to find their index, proxy, certificates and cache; nothing else passes.
_INSTALLER_PREFIXES = ("UV_", "PIP_", "XDG_", "SSL_CERT_")
_INSTALLER_NAMES = frozenset(
    {
        *("HOME", "PATH", "TMPDIR", "TEMP", "TMP", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
        *("SYSTEMROOT", "LOCALAPPDATA", "APPDATA", "USERPROFILE"),
    }
)
# These would aim an installer at another environment than the fresh one, or loosen its checks.
_NEVER_PASSED = frozenset(
    {
        *("UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX"),
        *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON"),
        *("PIP_REQUIRE_VIRTUALENV", "UV_NO_VERIFY_HASHES"),
    }
)


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folders of one reproduction, all below ``root``."""

    root: Path

    @property
    def package(self) -> Path:
        """The package's files as they were verified."""
        return self.root / "package"

    @property
    def source(self) -> Path:
        """The unpacked source archive."""
        return self.root / "source"

    @property
    def environment(self) -> Path:
        """The virtual environment of the locked requirements."""
        return self.root / "environment"

    @property
    def output(self) -> Path:
        """What the rebuild wrote."""
        return self.root / "rebuilt"

    @property
    def log(self) -> Path:
        """What the installer and the rebuild printed."""
        return self.root / "reproduce.log"

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        windows = os.name == "nt"
        return self.environment / ("Scripts/python.exe" if windows else "bin/python")


def prepare(root: Path) -> Workplace:
    """An empty workplace at ``root``, made if need be.

    Raises:
        ClinicalError: ``root`` is not an empty folder, or cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        empty = not any(root.iterdir())
    except OSError as error:
        raise ClinicalError(
            f"The folder to work in cannot be used: {error.strerror or type(error).__name__}",
            where=root.name,
            repair="Give --into a new or an empty folder that you may write to",
        ) from error
    if not empty:
        raise ClinicalError(
            "The folder to work in is not empty", where=root.name, repair="Give an empty folder"
        )
    return Workplace(root.resolve())


def unpack(files: Mapping[str, bytes], rebuild: Rebuild, place: Workplace) -> int:
    """Lay out the package and its source; the number of source files."""
    place.package.mkdir()
    write_files(files, place.package)
    return len(unpack_source(files[rebuild.source], place.source))


def find_uv() -> Path | None:
    """The uv executable: beside this interpreter, else on PATH, else None."""
    name = "uv.exe" if os.name == "nt" else "uv"
    beside = Path(sys.executable).parent / name
    if beside.is_file():
        return beside
    found = shutil.which("uv")
    return Path(found) if found else None


def create_environment(place: Workplace, python_version: str, uv: Path | None) -> str:
    """An empty virtual environment; the version of its Python.

    uv looks for an interpreter of exactly ``python_version``, then of the same minor version,
    among those installed; nothing is downloaded. Otherwise the interpreter that runs this is
    taken, and the verdict says so.
    """
    made = False
    if uv is not None:
        minor = ".".join(python_version.split(".")[:2])
        for wanted in (python_version, minor, sys.executable):
            command = [uv, "venv", "--no-project", "--no-python-downloads", "--python", wanted]
            made = _run([*command, place.environment], place, installer_environment()) == 0
            if made:
                break
    else:
        plain = [sys.executable, "-m", "venv", place.environment]
        made = _run(plain, place, installer_environment()) == 0
    if not made:
        raise failed("The environment could not be made", place)
    return environment_version(place)


def environment_version(place: Workplace) -> str:
    """Version of the environment's Python, as itself says."""
    probe = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run(
            [place.python, "-I", "-c", probe], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise failed("The environment's Python does not start", place) from error
    return done.stdout.strip()


def install(place: Workplace, lock: str, uv: Path | None) -> None:
    """Install exactly the package's own lock, every file checked against its SHA-256."""
    requirements = place.package / lock
    command: list[object]
    if uv is not None:
        command = [uv, "pip", "sync", "--require-hashes", "--python", place.python, requirements]
    else:
        pip = [place.python, "-m", "pip", "install", "--require-hashes", "--no-deps"]
        command = [*pip, "--disable-pip-version-check", "-r", requirements]
    if _run(command, place, installer_environment(), INSTALL_SECONDS) != 0:
        raise failed("The locked requirements could not be installed", place)


def run_rebuild(place: Workplace, rebuild: Rebuild) -> None:
    """Train and evaluate again with the package's own source, then note the platform."""
    place.output.mkdir()
    surroundings = rebuild_environment(place)
    command = [place.python, "-s", "-m", rebuild.module]
    arguments = ["--package", place.package, "--output", place.output]
    code = _run([*command, *arguments], place, surroundings, REBUILD_SECONDS, cwd=place.source)
    if code != 0:
        raise failed(f"The rebuild stopped with exit code {code}", place)
    facts = [place.python, "-s", "-m", "resources.platform", place.output / "platform.json"]
    # Without these facts the comparison demands equality bit for bit, so a failure hides nothing.
    _run(facts, place, surroundings, cwd=place.source)


def installer_environment() -> dict[str, str]:
    """The variables that an installer may see."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if (name in _INSTALLER_NAMES or name.startswith(_INSTALLER_PREFIXES))
        and name not in _NEVER_PASSED
    }
    return {**passed, "UV_PYTHON_DOWNLOADS": "never", "LC_ALL": "C.UTF-8"}


def rebuild_environment(place: Workplace) -> dict[str, str]:
    """The variables that the rebuild may see: its own source and environment, nothing inherited.

    ``HOME`` lies in the workplace, so that no user's configuration or cache takes part.
    """
    home = place.root / "home"
    home.mkdir(exist_ok=True)
    system = ("SYSTEMROOT",)  # Windows starts no Python without it
    return {
        **{name: os.environ[name] for name in system if name in os.environ},
        "PATH": os.pathsep.join([str(place.python.parent), os.defpath]),
        "PYTHONPATH": str(place.source),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def failed(what: str, place: Workplace) -> ClinicalError:
    """The error of a step, with the last line that it printed."""
    try:
        lines = place.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    last = lines[-1].strip()[:300] if lines else "nothing was printed"
    return ClinicalError(
        f"{what}: {last}",
        where=f"log: {place.log}",
        repair="Read the log, mend the cause (network, disk, interpreter) and run again",
    )


def _run(
    command: Sequence[object],
    place: Workplace,
    environment: Mapping[str, str],
    seconds: int = 600,
    cwd: Path | None = None,
) -> int:
    """Exit code of ``command``; 124 after ``seconds``, 127 where it cannot be started."""
    with place.log.open("ab") as log:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                cwd=cwd or place.root,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            log.write(f"stopped after {seconds} seconds\n".encode())
            return 124
        except OSError as error:
            log.write(f"cannot be started: {error.strerror}\n".encode())
            return 127
    return done.returncode
