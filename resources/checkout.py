"""Facts about the source tree that is running: commit, changes and the files themselves.

The tree is the folder that holds this package. Where it is a git checkout, its tracked files are
the source, as they lie on disk, so that uncommitted changes are archived too; of untracked files
only Python modules of the project's own packages are taken, because other files lying about may
be anything, patients' data included. Without git, the installed packages are the source.
"""

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from clinical_assets import __version__
from clinical_assets.errors import ClinicalError

PACKAGES = ("clinical_assets", "asset_checks", "resources")
LOCK = "requirements.lock"
_BESIDE = ("pyproject.toml", LOCK, "data/sources.toml", "README.md", "LICENSE")
_GIT_SECONDS = 60


class TreeFile(NamedTuple):
    """One source file: path from the root, bytes as they lie on disk, whether executable."""

    path: str
    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is known of a source tree; the first three fields are those of ``Provenance``.

    Attributes:
        commit: full commit id; empty where there is none (``reason`` says why).
        commit_time: committer time, ISO 8601 UTC (``2026-11-24T10:00:00Z``); empty likewise.
        dirty: whether ``files`` differ from the commit; True where there is no commit, because
            then no commit names the source.
        reason: why there is no commit; empty where there is one.
        files: the source files, sorted by path.
    """

    commit: str
    commit_time: str
    dirty: bool
    reason: str
    files: tuple[TreeFile, ...]

    def file(self, path: str) -> bytes | None:
        """The bytes of one source file; None where it is not part of the source."""
        return next((entry.data for entry in self.files if entry.path == path), None)


class _NoGitError(Exception):
    """Git gives no answer; the message says why, without a path."""


def project_root() -> Path:
    """The folder that holds ``clinical_assets``, ``asset_checks`` and ``resources``."""
    return Path(__file__).resolve().parent.parent


@cache
def software() -> str:
    """Version and commit of the running software, as one line; asks git once.

    ``0.1.0 8d01301abcde``, followed by ``changed`` where files differ from that commit.
    """
    root = project_root()
    try:
        _demand_toplevel(root)
        commit, _ = _head(root)
        changed = _git(root, "status", "--porcelain", "-z", "--untracked-files=no")
    except _NoGitError:
        return __version__
    return f"{__version__} {commit[:12]}" + (" changed" if changed else "")


def read_checkout(root: Path | None = None) -> Checkout:
    """Read the source tree at ``root`` (default: the one that is running).

    Raises:
        ClinicalError: a source file cannot be read or is a symbolic link or a submodule, which
            an archive of the exact source cannot hold; or ``root`` holds no source at all.
    """
    root = project_root() if root is None else root.resolve()
    try:
        _demand_toplevel(root)
        paths, untracked = _tracked(root), _untracked_modules(root)
    except _NoGitError as error:
        return Checkout("", "", True, str(error), _read(root, dict(_installed(root))))
    files = _read(root, {**paths, **dict.fromkeys(untracked, False)})
    try:
        commit, commit_time = _head(root)
    except _NoGitError as error:
        return Checkout("", "", True, str(error), files)
    changed = bool(_git(root, "status", "--porcelain", "-z", "--untracked-files=no"))
    return Checkout(commit, commit_time, changed or bool(untracked), "", files)


def _git(root: Path, *arguments: str) -> bytes:
    # Variables such as GIT_DIR (set inside hooks) would speak of another repository.
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(root), "-c", "core.quotepath=off", *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=_GIT_SECONDS,
            env={**surroundings, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except FileNotFoundError as error:
        raise _NoGitError("git is not installed") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise _NoGitError(f"git did not answer ({type(error).__name__})") from error
    if done.returncode == 0:
        return done.stdout
    if b"dubious ownership" in done.stderr or b"safe.directory" in done.stderr:
        raise _NoGitError("git refuses the folder because another user owns it (safe.directory)")
    if b"not a git repository" in done.stderr:
        raise _NoGitError("the source is not a git checkout")
    raise _NoGitError(f"git {arguments[0]} failed with exit code {done.returncode}")


def _demand_toplevel(root: Path) -> None:
    """An installation may lie inside some other repository, whose commits are not this source."""
    top = Path(os.fsdecode(_git(root, "rev-parse", "--show-toplevel").rstrip(b"\r\n")))
    try:
        same = top.samefile(root)
    except OSError:
        same = False
    if not same:
        raise _NoGitError("the source is not the top folder of a git checkout")


def _head(root: Path) -> tuple[str, str]:
    """Commit id and committer time in UTC; a detached HEAD is as good as a branch."""
    try:
        answer = _git(root, "show", "--no-patch", "--format=%H %ct", "HEAD").decode().split()
    except _NoGitError as error:
        raise _NoGitError("the repository has no commit yet, or its HEAD cannot be read") from error
    at = datetime.fromtimestamp(int(answer[1]), UTC)
    return answer[0], at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tracked(root: Path) -> dict[str, bool]:
    """Whether executable, by path, for each tracked file that is still there."""
    found: dict[str, bool] = {}
    for record in _git(root, "ls-files", "--stage", "-z").split(b"\0"):
        if not record:
            continue
        head, _, name = record.partition(b"\t")
        mode, path = head.split(b" ")[0], os.fsdecode(name)
        if mode in (b"120000", b"160000"):
            kind = "symbolic link" if mode == b"120000" else "submodule"
            raise _unusable(path, f"it is a {kind}")
        if os.path.lexists(root / path):
            found[path] = mode == b"100755"
    return found


def _untracked_modules(root: Path) -> list[str]:
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *PACKAGES)
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    return [name for name in names if name.endswith(".py")]


def _installed(root: Path) -> Iterator[tuple[str, bool]]:
    for package in PACKAGES:
        for item in sorted((root / package).rglob("*")):
            relative = item.relative_to(root)
            hidden = any(part.startswith((".", "__pycache__")) for part in relative.parts)
            if item.is_file() and not hidden:
                yield relative.as_posix(), False
    for name in _BESIDE:
        if (root / name).is_file():
            yield name, False


def _read(root: Path, paths: dict[str, bool]) -> tuple[TreeFile, ...]:
    if not paths:
        raise ClinicalError(
            "There is no source to archive",
            where=root.name,
            repair="Run from a checkout or an installation of the project",
        )
    found = []
    for path in sorted(paths):
        item = root / path
        try:
            if not stat.S_ISREG(item.lstat().st_mode):
                raise _unusable(path, "it is not a regular file")
            found.append(TreeFile(path, item.read_bytes(), paths[path]))
        except OSError as error:
            raise _unusable(path, error.strerror or type(error).__name__) from error
    return tuple(found)


def _unusable(path: str, reason: str) -> ClinicalError:
    return ClinicalError(
        f"A source file cannot be archived: {reason}",
        where=path,
        repair="Make it a regular, readable file or take it out of the source tree",
    )
