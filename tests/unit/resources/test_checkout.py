"""The facts of the source tree, in real git repositories and without git."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.source_archive import pack_source, read_source
from resources.checkout import project_root, read_checkout

TREE = {
    "clinical_assets/__init__.py": "VERSION = 1\n",
    "clinical_assets/card.html": "<p>",
    "resources/__init__.py": "",
    "pyproject.toml": "[project]\n",
    "requirements.lock": "a==1\n",
    "data/sources.toml": "",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "*.tmp\n",
}


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", root, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(root.parent),
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "GIT_AUTHOR_DATE": "2026-11-24T01:30:00+0200",
            "GIT_COMMITTER_DATE": "2026-11-24T01:30:00+0200",
        },
    ).stdout.strip()


def plant(root: Path) -> Path:
    for path, text in TREE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "run.sh").chmod(0o755)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with source and no git."""
    return plant(tmp_path / "tree")


@pytest.fixture
def repository(tree: Path) -> Path:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "first")
    return tree


def test_a_clean_checkout(repository: Path) -> None:
    found = read_checkout(repository)
    assert found.commit == git(repository, "rev-parse", "HEAD")
    assert found.commit_time == "2026-11-23T23:30:00Z"
    assert not found.dirty
    assert found.reason == ""
    assert {f.path: f.data.decode() for f in found.files} == TREE
    assert [f.path for f in found.files if f.executable] == ["run.sh"]
    assert found.file("requirements.lock") == b"a==1\n"
    assert found.file("absent") is None


def test_the_archive_of_a_checkout_reads_back(repository: Path) -> None:
    files = read_checkout(repository).files
    assert [tuple(f) for f in read_source(pack_source(files)).values()] == [tuple(f) for f in files]


def test_uncommitted_changes_are_in_the_files(repository: Path) -> None:
    (repository / "clinical_assets/__init__.py").write_text("VERSION = 2\n")
    found = read_checkout(repository)
    assert found.dirty
    assert found.file("clinical_assets/__init__.py") == b"VERSION = 2\n"


def test_staged_changes_are_dirty(repository: Path) -> None:
    (repository / "more.txt").write_text("x")
    git(repository, "add", "more.txt")
    found = read_checkout(repository)
    assert found.dirty
    assert found.file("more.txt") == b"x"


def test_a_deleted_file_is_dirty_and_left_out(repository: Path) -> None:
    (repository / "clinical_assets/card.html").unlink()
    found = read_checkout(repository)
    assert found.dirty
    assert found.file("clinical_assets/card.html") is None


def test_untracked_modules_are_source_and_other_files_are_not(repository: Path) -> None:
    (repository / "clinical_assets/new.py").write_text("x = 1\n")
    (repository / "clinical_assets/patients.csv").write_text("name\n")
    (repository / "patients.csv").write_text("name\n")
    (repository / "clinical_assets/scratch.tmp").write_text("")
    found = read_checkout(repository)
    assert found.dirty
    assert {f.path for f in found.files} == {*TREE, "clinical_assets/new.py"}


def test_untracked_data_alone_is_not_dirty(repository: Path) -> None:
    (repository / "patients.csv").write_text("name\n")
    assert not read_checkout(repository).dirty


def test_a_detached_head(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    found = read_checkout(repository)
    assert found.commit == git(repository, "rev-parse", "HEAD")


def test_a_worktree(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"))
    found = read_checkout(tmp_path / "other")
    assert found.commit
    assert {f.path for f in found.files} == set(TREE)


def test_variables_of_a_git_hook_do_not_mislead(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(project_root() / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(project_root()))
    assert read_checkout(repository).commit == git(repository, "rev-parse", "HEAD")


def test_no_commit_yet(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    found = read_checkout(tree)
    assert (found.commit, found.commit_time, found.dirty) == ("", "", True)
    assert "no commit" in found.reason
    assert {f.path for f in found.files} == set(TREE)


INSTALLED = set(TREE) - {"run.sh", ".gitignore"}


def without_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tree / "nothing"))


def refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree, "init", "-q")
    monkeypatch.setenv("HOME", str(tree.parent))
    os.chown(tree, 12345, 12345)
    os.chown(tree / ".git", 12345, 12345)


def inside_another(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree.parent, "init", "-q")
    git(tree.parent, "add", ".")
    git(tree.parent, "commit", "-q", "-m", "another project")


def plain(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tree.parent))


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (without_git, "not installed"),
        (inside_another, "not the top folder"),
        (plain, "not a git checkout"),
        pytest.param(
            refused,
            "another user owns it",
            marks=pytest.mark.skipif(
                os.geteuid() != 0, reason="only the superuser can give a folder away"
            ),
        ),
    ],
)
def test_without_git_the_installed_packages_are_the_source(
    arrange: Callable[[Path, pytest.MonkeyPatch], None],
    reason: str,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tree / "patients.csv").write_text("name\n")
    (tree / "clinical_assets" / "__pycache__").mkdir()
    (tree / "clinical_assets" / "__pycache__" / "x.pyc").write_bytes(b"x")
    arrange(tree, monkeypatch)
    found = read_checkout(tree)
    assert reason in found.reason
    assert str(tree) not in found.reason
    assert (found.commit, found.commit_time, found.dirty) == ("", "", True)
    assert {f.path for f in found.files} == INSTALLED


@pytest.mark.parametrize("link", ["clinical_assets/link.py", "link.txt"])
def test_a_tracked_link_is_refused_by_name(link: str, repository: Path) -> None:
    (repository / link).symlink_to(repository.parent)
    git(repository, "add", ".")
    with pytest.raises(ClinicalError, match=link):
        read_checkout(repository)


def test_no_source_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClinicalError, match="no source"):
        read_checkout(tmp_path / "empty")


def test_this_project() -> None:
    found = read_checkout()
    assert (
        found.file("clinical_assets/errors.py")
        == (project_root() / "clinical_assets/errors.py").read_bytes()
    )
    assert found.file("requirements.lock")
    if shutil.which("git") and (project_root() / ".git").exists() and not found.reason:
        assert len(found.commit) == 40
