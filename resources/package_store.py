"""The store of model packages: written, signed, verified, rebuilt.

One folder and one zip a package under ``<root>/<model>/<version>-<digest>``. The signing key is
made at first use and readable by its owner alone; the public half travels in each package, and
:mod:`resources.signing_keys` says which of them are trusted.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from clinical_assets.canonical import from_plain, sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import PUBLIC_KEY, SOURCE_ARCHIVE
from clinical_assets.evidence.package import assemble, load_package, write_folder, write_zip
from clinical_assets.evidence.package_reader import read_package
from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from clinical_assets.evidence.signing import fingerprint, sign_folder
from clinical_assets.evidence.source_archive import unpack_source
from clinical_assets.evidence.verification import PackageReport, verify_files
from clinical_assets.modelling.champion import KeptModel
from clinical_assets.modelling.records import CandidateRecord, Verdict
from resources.blobs import disk_faults, flush
from resources.signing_keys import TRUSTED, SigningKeys

_REBUILD_SECONDS = 900
_LEFTOVER_SECONDS = 86_400
_RESTORE = "Restore the package folder from its zip or from a backup, then run again"
_TRUST_KEY = (
    f"If you know whose key this is, put its public key (PEM) into the {TRUSTED} folder of"
    f" CLINICAL_KEYS, then run again; otherwise {_RESTORE[0].lower()}{_RESTORE[1:]}"
)
_CLEAR_REFUSAL = 3  # of clinical_assets.rebuild


@dataclass(frozen=True, slots=True)
class PackageStore:
    """Model packages under ``root``, signed with the key under ``keys``."""

    root: Path
    keys: Path

    def folder_of(self, model: str, version: str, digest: str) -> Path:
        """Where the package of this digest lies, or would lie."""
        return self.root / model / f"{version}-{digest[:8]}"

    def keep(
        self, files: Mapping[str, bytes], *, model: str, version: str, entry_point: str
    ) -> PackageRecord:
        """Writes, signs and zips a package. The same content again is the same package.

        Raises:
            ClinicalError: a required file is missing, or the disk refuses.
        """
        package = assemble(files, model=model, version=version, entry_point=entry_point)
        name = self.folder_of(model, version, package.digest).relative_to(self.root).as_posix()
        _sweep(self.root / model, ".partial-*")
        private = SigningKeys(self.keys).private()
        write_folder(package, self.root / name, seal=lambda draft: sign_folder(draft, private))
        archive = self.root / f"{name}.zip"
        kept = load_package(self.root / name)
        write_zip(kept, archive)
        return PackageRecord(
            model=model,
            version=version,
            digest=package.digest,
            onnx_sha256=sha256(files["model/model.onnx"]),
            folder=name,
            archive=f"{name}.zip",
            files=len(files),
            size=sum(len(data) for data in files.values()),
            signer=fingerprint(kept.contents[PUBLIC_KEY]),  # not the current one after a rotation
        )

    def keep_beside(self, package: PackageRecord, files: Mapping[str, bytes]) -> None:
        """Puts documents about a finished package beside its folder, in place of older ones.

        Raises:
            ClinicalError: the disk refuses; each document is then the new one or the older one.
        """
        for name, data in files.items():
            place = self.root / f"{package.folder}.{name}"
            draft = place.with_name(f".{place.name}.{os.getpid()}")
            with disk_faults(place):
                try:
                    with draft.open("wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    draft.replace(place)
                finally:
                    draft.unlink(missing_ok=True)
                flush(place.parent)

    def problems(self, package: PackageRecord) -> tuple[str, ...]:
        """Everything that is wrong with a kept package as it lies on disk; empty if nothing."""
        try:
            report = self._verified(read_package(self.root / package.folder))
        except ClinicalError as error:
            return (str(error),)
        found = list(report.problems)
        if report.digest != package.digest:
            found.append("its digest is not the one recorded when it was built")
        if not found and not report.passed:
            found.append("its verification failed")
        return tuple(found)

    def judge(self, package: PackageRecord) -> Verdict:
        """Whether the package on disk is whole, unchanged and signed."""
        problems = self.problems(package)
        summary = "; ".join(problems) or (
            f"{package.files} files have the SHA-256 that the manifest states; the signature holds."
        )
        return Verdict("package_intact", not problems, summary, {"files": float(package.files)})

    def judge_rebuild(self, package: PackageRecord) -> Verdict:
        """Trains and evaluates again in a fresh process; compares every bit.

        The code is the package's own source archive and the data are its own files; only the
        installed libraries are those of this environment.
        """
        from clinical_assets.evidence.reproduction import compare

        # Below the store: what a killed run leaves holds data of the package, and is swept here.
        self.root.mkdir(parents=True, exist_ok=True)
        _sweep(self.root, ".rebuild-*")
        with tempfile.TemporaryDirectory(prefix=".rebuild-", dir=self.root) as folder:
            source, output = Path(folder) / "source", Path(folder) / "rebuilt"
            try:
                files = read_package(self.root / package.folder)
                unpack_source(files.get(SOURCE_ARCHIVE, b""), source)
            except ClinicalError as error:
                return Verdict("reproducibility", False, str(error), {})
            finished = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "clinical_assets.rebuild",
                    "--package",
                    str(self.root / package.folder),
                    "--output",
                    str(output),
                ],
                cwd=source,
                capture_output=True,
                text=True,
                timeout=_REBUILD_SECONDS,
                check=False,
                env={**os.environ, "PYTHONPATH": str(source), "PYTHONHASHSEED": "random"},
            )
            if finished.returncode != 0:
                said = _words_of(finished)
                return Verdict("reproducibility", False, f"The rebuild did not finish: {said}", {})
            return compare(files, output).verdict()

    def load(self, release: ReleaseRecord | PackageRecord) -> KeptModel:
        """A model with its tables from its package, verified.

        Raises:
            ClinicalError: the package is gone, changed, or not the one that is named.
        """
        named = release.digest if isinstance(release, PackageRecord) else release.package_sha256
        files = read_package(self.folder_of(release.model, release.version, named))
        report = self._verified(files)
        if not report.passed or report.digest != named:
            stranger = report.signature == "valid" and not report.trusted
            raise ClinicalError(
                "The released package is not what was released: "
                + ("; ".join(report.problems) or "another digest"),
                where=f"model {release.model} {release.version}",
                repair=_TRUST_KEY if stranger else _RESTORE,
            )
        return KeptModel(
            candidate=from_plain(CandidateRecord, json.loads(files["candidate.json"])),
            onnx=files["model/model.onnx"],
            dataset=pl.read_parquet(files["data/dataset.parquet"]),
            split=pl.read_parquet(files["data/split.parquet"]),
            features=pl.read_parquet(files["data/features.parquet"]),
            predictions=pl.read_parquet(files["evaluation/test_predictions.parquet"]),
            evaluation=files["evaluation/evaluation.json"],
        )

    def _verified(self, files: Mapping[str, bytes]) -> PackageReport:
        """What is found in ``files``; the signature must be of a trusted key, whichever it is."""
        report = verify_files(files)
        if report.signature != "valid":
            return replace(report, trusted=False)
        trusted = report.key_fingerprint in SigningKeys(self.keys).trusted()
        if trusted:
            return replace(report, trusted=True)
        problem = (
            "it is signed with a key that is not trusted here, of fingerprint "
            f"{report.key_fingerprint} (docs/settings.md says how a key is trusted)"
        )
        return replace(report, trusted=False, problems=(*report.problems, problem))


def _sweep(folder: Path, pattern: str) -> None:
    """Removes what killed runs left; younger than a day it may be another run's work in hand."""
    for leftover in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)


def _words_of(rebuild: subprocess.CompletedProcess[str]) -> str:
    """Why a rebuild stopped; of an unforeseen error its kind only, for its text may hold values."""
    if rebuild.returncode == _CLEAR_REFUSAL:
        return rebuild.stderr.strip()
    lines = rebuild.stderr.strip().splitlines() or ["no message"]
    return lines[-1].partition(":")[0]
