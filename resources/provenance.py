"""Where a run comes from: the checkout, the lock and the machine, as records and as files."""

import inspect
import sys
from pathlib import Path
from typing import Any

from dagster import ConfigurableResource

from clinical_assets import __version__
from clinical_assets.canonical import canonical_json, sha256, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.licences import licence_of_metadata
from clinical_assets.evidence.provenance import Provenance
from clinical_assets.evidence.sbom import build_sbom
from clinical_assets.evidence.source_archive import pack_source
from clinical_assets.modelling.spec import ClinicalModel
from resources.checkout import Checkout, read_checkout
from resources.platform import describe, platform_facts

LOCK = "requirements.lock"


class ProvenanceResource(ConfigurableResource[Provenance]):
    """Collects the facts of the code and the machine that run now."""

    def collect(self, seed: int) -> Provenance:
        """Commit, lock digest, interpreter and platform, without a clock and without a host name.

        Raises:
            ClinicalError: the source tree holds no lock.
        """
        return _provenance(read_checkout(), seed)

    def files(self, spec: ClinicalModel) -> dict[str, bytes]:
        """The package files that tell where the model comes from: source, lock, machine, SBOM."""
        checkout = read_checkout()
        lock = _lock(checkout)
        source = [(f.path, f.data, f.executable) for f in checkout.files]
        known = {path for path, _, _ in source}
        source += [entry for entry in _own_modules(spec) if entry[0] not in known]
        return {
            "source/source.tar.gz": pack_source(source),
            "source/provenance.json": canonical_json(to_plain(_provenance(checkout, spec.seed))),
            "environment/requirements.lock": lock,
            "environment/platform.json": canonical_json(platform_facts()),
            "sbom.cdx.json": build_sbom(
                lock.decode(),
                _licences(),
                name="clinical-assets",
                version=__version__,
                licence="Apache-2.0",
            ),
        }


def _provenance(checkout: Checkout, seed: int) -> Provenance:
    python, platform = describe(platform_facts())
    return Provenance(
        commit=checkout.commit,
        commit_time=checkout.commit_time,
        dirty=checkout.dirty,
        lock_sha256=sha256(_lock(checkout)),
        python=python,
        platform=platform,
        package_version=__version__,
        seed=seed,
    )


def _lock(checkout: Checkout) -> bytes:
    lock = checkout.file(LOCK)
    if lock is None:
        raise ClinicalError(
            f"The source tree holds no {LOCK}, so the environment cannot be named",
            repair="Run from a complete checkout of the repository",
        )
    return lock


def _own_modules(spec: ClinicalModel) -> list[tuple[str, bytes, bool]]:
    """Source files of a user's own model, which lie outside of the repository."""
    names = {spec.entry_point.partition(":")[0], spec.read.__module__, spec.derive.__module__}
    entries = []
    for name in sorted(names - {""}):
        module = sys.modules.get(name)
        file = inspect.getsourcefile(module) if module is not None else None
        if file is not None:
            package = Path(file).name == "__init__.py"
            path = name.replace(".", "/") + ("/__init__.py" if package else ".py")
            entries.append((path, Path(file).read_bytes(), False))
    return entries


def _licences() -> dict[str, str]:
    """Licence by distribution name, as the installed packages state it."""
    from importlib.metadata import distributions

    found = {}
    for distribution in distributions():
        stated: Any = distribution.metadata
        licence = licence_of_metadata(
            stated.get("License-Expression") or "",
            stated.get("License") or "",
            stated.get_all("Classifier") or [],
        )
        if licence:
            found[stated["Name"]] = licence
    return found
