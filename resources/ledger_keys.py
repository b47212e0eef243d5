"""The keys that sign the ledger's checkpoints: made, rotated, retired, withdrawn.

What belongs here: which private key is in force, and which public keys count, on disk. What does
not: signing and verifying (:mod:`clinical_assets.ledger.checkpoint`), and the ledger's entries
about keys, which the caller writes.

Below the folder of keys, for a ledger's name (percent-encoded):

- ``ledger-NAME.pem``: the private key in force, readable by its owner only;
- ``ledger-trusted/*.vkey``: public keys, one a line, of the key in force and of retired ones;
- ``ledger-retired/*.vkey``: those that must not sign any more, but whose signatures count;
- ``ledger-withdrawn/*.vkey``: those whose signatures count no longer; they win over trusted ones.

A rotated private key is gone from the folder in the same rename that puts the new one in force.
It is not wiped from the medium or from backups: if one comes back, it is refused here; whether it
could have been read by others, and is to be withdrawn, its owner decides.

A key is made in silence for a ledger that is begun, and for no other. A lost one is replaced by
:meth:`LedgerKeys.replacing`: the new key is in force once an entry tells of it, and not before.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from resources.blobs import LocalBlobs, disk_faults, flush
from resources.locks import held

TRUSTED, RETIRED, WITHDRAWN = "ledger-trusted", "ledger-retired", "ledger-withdrawn"
BEGINNING = ".ledger-beginning"
"""Holds the name of a ledger while it is begun (:mod:`.ledger_beginning`)."""
LOST = "The ledger's private key is gone"
_LONGEST_FILE_NAME = 200
_WAIT_SECONDS = 10.0

_Mark = tuple[int, ...]


def _seen_note(private: Path) -> Path:
    """Where :mod:`.newest_seen` keeps what was seen of the ledger of this key."""
    name = private.stem.removeprefix("ledger-")
    return private.with_name(f"ledger-seen-{name}.note")


class LedgerKeys:
    """The ledger's keys below ``folder``. May be shared by threads; processes see each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[_Mark, SigningKey]] = {}
        self._paths: dict[str, Path] = {}
        self._there: set[str] = set()
        self._held_back: dict[str, SigningKey] = {}

    def is_there(self, name: str) -> None:
        """Is told that a database holds the ledger: no key is made for it in silence any more."""
        self._there.add(name)

    def signing(self, name: str) -> SigningKey:
        """The private key in force for a ledger's name; made where the ledger is new here.

        Costs one ``stat`` when nothing changed since the last call.

        Raises:
            ClinicalError: it cannot be read or made, others can read it, it is damaged, it is a
                key that was retired or withdrawn, or it is gone though the ledger is no new one.
        """
        if name in self._held_back:
            return self._held_back[name]
        path = self._paths.get(name) or self._paths.setdefault(name, self._private(name))
        try:
            mark: _Mark | None = _mark(path.stat())
        except FileNotFoundError:
            with self._changing():
                if not path.exists():
                    self._refuse_lost(path, name)
                    self._put(path, SigningKey.generate(name), None)
            mark = None
        except OSError as error:
            raise _unreadable(path, error) from error
        known = self._read.get(name)
        if known is not None and known[0] == mark:
            return known[1]
        # The folder may be mounted read-only: then its owner keeps the public halves. What is
        # wrong with the key itself is said below.
        with suppress(ClinicalError), self._changing():
            current = _loaded(path, name)[1].public
            self._refuse_former(path, current)
            self._publish(current)
        mark, key = _loaded(path, name)
        self._refuse_former(path, key.public)
        self._read[name] = (mark, key)
        return key

    @contextmanager
    def replacing(self, name: str) -> Iterator[Callable[[], PublicKey]]:
        """Lets a new key sign in the place of a lost one, and puts it in force after the block.

        The block is given what brings the new key up: from that call on :meth:`signing` of this
        object returns it, so that the block can write down that it is new. Others find the key lost
        until then. Where the block fails or the process dies, it stays lost: no key is ever in
        force that no entry tells of.

        Raises:
            ClinicalError: the private key is there, or the folder cannot be written.
        """
        path, made = self._private(name), SigningKey.generate(name)

        def bring_up() -> PublicKey:
            self._keep(TRUSTED, made.public)  # before it signs anything
            self._held_back[name] = made
            return made.public

        # A lock of its own: who finds the key lost meanwhile says so, and waits for nothing.
        with held(self.folder / ".ledger-replacing.lock", wait_seconds=_WAIT_SECONDS):
            if path.exists():
                raise ClinicalError(
                    "The ledger's private key is there, so no lost one is replaced",
                    where=path.name,
                    repair="Another has replaced it meanwhile: run the command again",
                )
            try:
                yield bring_up
                if name in self._held_back:
                    with self._changing():
                        self._put(path, made, None)
            finally:
                self._held_back.pop(name, None)

    def is_lost(self, name: str) -> bool:
        """Whether the private key of a ledger that a database holds is not here."""
        return not self._private(name).exists()

    def trusted(self) -> tuple[PublicKey, ...]:
        """Public keys whose signatures count, in the order of their lines; makes no key.

        Raises:
            ClinicalError: a file of the trusted or withdrawn keys cannot be read or is damaged.
        """
        found = {str(key): key for key in self._lines(TRUSTED)}
        for path in self.folder.glob("ledger-*.pem"):
            # Who only verifies need not have the private key, nor a good one.
            with suppress(ClinicalError):
                key = _loaded(path, unquote(path.stem.removeprefix("ledger-")))[1].public
                found[str(key)] = key
        for gone in self.withdrawn():
            found.pop(str(gone), None)
        return tuple(found[line] for line in sorted(found))

    def withdrawn(self) -> tuple[PublicKey, ...]:
        """Public keys whose signatures count no longer.

        Raises:
            ClinicalError: a file of the withdrawn keys cannot be read or is damaged.
        """
        return tuple(self._lines(WITHDRAWN))

    def names(self) -> Iterator[str]:
        """Names of the ledgers whose keys lie here, those of private keys first.

        Raises:
            ClinicalError: a file of the trusted keys cannot be read or is damaged.
        """
        for path in sorted(self.folder.glob("ledger-*.pem")):
            yield unquote(path.stem.removeprefix("ledger-"))
        for key in self._lines(TRUSTED):
            yield key.name

    def rotate(self, name: str, new: SigningKey | None = None) -> tuple[PublicKey, SigningKey]:
        """Puts a new key in force; the old public key stays trusted, the private one is deleted.

        Whenever it is interrupted, one whole key is in force and its public half is trusted.

        Args:
            new: the key to put in force; a fresh one unless it is given.

        Returns:
            The public half of the key that was in force, and the key that is now.

        Raises:
            ClinicalError: there is no key yet, it cannot be read, or the folder not written.
        """
        path = self._private(name)
        if not path.exists():
            raise ClinicalError(
                "There is no key of this ledger that could be rotated",
                where=path.name,
                repair="A new ledger makes one with its first entry; a lost key is replaced by"
                " `clinical ledger key rotate`",
            )
        with self._changing():
            old = _loaded(path, name)[1].public
            self._refuse_former(path, old)
            made = new or SigningKey.generate(name)
            self._put(path, made, old)
            self._publish(made.public)
        return old, self.signing(name)

    def withdraw(self, vkey: str) -> PublicKey:
        """From now on no signature of this key counts: it was stolen, or may have been.

        Publish a checkpoint signed with the key in force afterwards: what only the withdrawn key
        signed is no evidence any more.

        Raises:
            ClinicalError: it is no public key, is not trusted here, or is in force.
        """
        key = PublicKey.parse(vkey)
        with self._changing():
            if str(key) in {str(one) for one in self.withdrawn()}:
                return key
            path = self._private(key.name)
            if path.exists() and _loaded(path, key.name)[1].public == key:
                raise ClinicalError(
                    "The key is in force and signs the next checkpoint",
                    where=path.name,
                    repair="Rotate the key first, then withdraw this one",
                )
            if str(key) not in {str(one) for one in self._lines(TRUSTED)}:
                raise ClinicalError(
                    "The key is not among those that are trusted here",
                    where=TRUSTED,
                    repair="Compare it with `clinical ledger key`",
                )
            self._keep(WITHDRAWN, key)
            # For readers of the folder that know nothing of withdrawn keys.
            LocalBlobs(self.folder / TRUSTED).remove(_file_of(key))
        return key

    def _refuse_lost(self, path: Path, name: str) -> None:
        """A new key in silence would hide that the old one was taken away."""
        known = any(
            key.name == name
            for folder in (TRUSTED, RETIRED, WITHDRAWN)
            for key in self._lines(folder)
        )
        begun = name not in self._there and self._begun() == name
        if begun or not (known or name in self._there or _seen_note(path).exists()):
            return
        repair = (
            "Put it back from a copy of the folder of keys; if there is none, an administrator puts"
            " a new one in force, logged in or not: `clinical ledger key rotate --id ID --reason …`"
        )
        if not known:
            repair += (
                f". The public keys are gone, too: put them back into {TRUSTED} first; a backup has"
                f" them in its folder keys/{TRUSTED}"
            )
        raise ClinicalError(LOST, where=path.name, repair=repair)

    def _begun(self) -> str:
        """The name of a ledger whose beginning was cut off."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / BEGINNING).read_text(encoding="utf-8")
        return ""

    def _private(self, name: str) -> Path:
        quoted = quote(name, safe="")
        if "+" in name or name.split() != [name]:
            problem = "must not be empty and has no white space and no plus sign"
        elif len(quoted) > _LONGEST_FILE_NAME:
            problem = "is too long for a file's name"
        else:
            return self.folder / f"ledger-{quoted}.pem"
        raise ClinicalError(
            f"A ledger's name {problem}", where=quoted[:80], repair="Choose another name"
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One writer at a time; what a killed one left half-made is taken away."""
        with disk_faults(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held(self.folder / ".ledger-keys.lock", wait_seconds=_WAIT_SECONDS):
            with disk_faults(self.folder):
                for leftover in self.folder.glob(".ledger-*.draft"):
                    leftover.unlink(missing_ok=True)
            yield

    def _put(self, path: Path, key: SigningKey, old: PublicKey | None) -> None:
        """Puts a key in force: absent or whole, and its public half trusted before."""
        draft = path.with_name(f".{path.name}.draft")
        with disk_faults(path):
            try:
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(key.pem)
                    file.flush()
                    os.fsync(file.fileno())
                if old is not None:
                    self._keep(TRUSTED, old)
                self._keep(TRUSTED, key.public)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            flush(path.parent)

    def _publish(self, current: PublicKey) -> None:
        """Trusts the key in force, and marks every other one of its name as retired.

        Only under the lock: a key that was read before another process rotated is in force no more.
        """
        self._keep(TRUSTED, current)
        for key in self._lines(TRUSTED):
            if key.name == current.name and key != current:
                self._keep(RETIRED, key)

    def _refuse_former(self, path: Path, key: PublicKey) -> None:
        for folder, what in ((WITHDRAWN, "withdrawn"), (RETIRED, "retired")):
            if key in self._lines(folder):
                raise ClinicalError(
                    f"The signing key was {what} and has come back",
                    where=path.name,
                    repair="Find out who put it there; restore the key that was in force, or move"
                    " the file away and put a new key in force: `clinical ledger key rotate`",
                )

    def _keep(self, folder: str, key: PublicKey) -> None:
        LocalBlobs(self.folder / folder).create(_file_of(key), f"{key}\n".encode())

    def _lines(self, folder: str) -> list[PublicKey]:
        found = []
        for path in sorted((self.folder / folder).glob("*.vkey")):
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
                found += [PublicKey.parse(line) for line in lines if line.strip()]
            except (OSError, UnicodeDecodeError, ClinicalError) as error:
                raise ClinicalError(
                    "A public key of the ledger cannot be read or is damaged",
                    where=f"{folder}/{path.name}",
                    repair="Restore the file, or replace it by the key's line: name+keyid+base64",
                ) from error
        return found


def _file_of(key: PublicKey) -> str:
    return f"{sha256(str(key).encode())}.vkey"


def _mark(state: os.stat_result) -> _Mark:
    """What differs once a file was replaced or changed."""
    return (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_mode)


def _loaded(path: Path, name: str) -> tuple[_Mark, SigningKey]:
    try:
        with path.open("rb") as file:
            state, pem = os.fstat(file.fileno()), file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    if os.name != "nt" and state.st_mode & 0o077:
        raise ClinicalError(
            "The ledger's signing key can be read or changed by others than its owner",
            where=f"{path.name}, mode {state.st_mode & 0o777:o}",
            repair=f"Run `chmod 600 {path.name}` there; if others could have read it, rotate the"
            " key and withdraw this one",
        )
    return _mark(state), SigningKey.from_pem(name, pem)


def _unreadable(path: Path, error: OSError) -> ClinicalError:
    return ClinicalError(
        f"The ledger's signing key cannot be read ({error.strerror or type(error).__name__})",
        where=path.name,
        repair="Check that CLINICAL_KEYS names a folder that this user can read and write",
    )
