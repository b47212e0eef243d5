"""What is still in effect: which packages, snapshots and table versions something rests on.

What belongs here: asking MLflow, Dagster, the packages and the source register. What does not: the
decision about a purge. Their word can only keep a record, never free it: whoever forges an alias or
an event can delay a purge, not bring one about. Where one of them does not answer, nothing is
purged.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clinical_assets.errors import ClinicalError
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance


@dataclass(frozen=True, slots=True)
class Use:
    """Why a record is in effect (empty: it is not), and when it was last, if that is known."""

    why: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pins:
    """What the newest materializations name: by digest or by (table, version), the asset."""

    snapshots: dict[str, str]
    tables: dict[tuple[str, int], str]


class References:
    """Asks the stores of one installation; each is asked once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def package(self, model: str, digest: str) -> Use:
        """Whether a package is in force, is the champion's rival, or is the newest of its model.

        Raises:
            ClinicalError: MLflow or Dagster does not answer.
        """
        from resources.mlflow_registry import Registry

        settings = self._settings
        registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
        champion, releases = registry.champion(model), registry.releases(model)
        if champion is not None and champion.package_sha256 == digest:
            return Use("it is the champion")
        here = [place for place, one in enumerate(releases) if one.package_sha256 == digest]
        if champion is not None and any(releases[i].version == champion.replaces for i in here):
            return Use("the champion is compared with it")
        if self._newest_package(model) == digest:
            return Use("it is the newest package of its model")
        ended = [_time(releases[place - 1].released_at) for place in here if place]
        return Use(until=max(ended, default=None))

    def snapshot(self, sha256: str) -> Use:
        """Whether a package, a registered source or a newest materialization rests on a file.

        Raises:
            ClinicalError: a manifest, the register or Dagster cannot be read.
        """
        for folder, listed in self._packaged:
            if sha256 in listed:
                return Use(f"package {folder} was made of it")
        from resources.snapshot_store import SnapshotStore
        from resources.source_files import SourceFiles

        settings = self._settings
        store = SnapshotStore(settings.snapshots_url, settings.s3_options)
        for source in SourceFiles(settings.sources, store).sources().values():
            if any(file.sha256 == sha256 for file in source.files):
                return Use(f"it is a file of the registered source {source.id}")
        if (asset := self._pins.snapshots.get(sha256)) is not None:
            return Use(f"the newest materialization of {asset} is or names it")
        return Use()

    def table(self, table: str, version: int) -> Use:
        """Whether a newest materialization rests on a version of a table.

        Raises:
            ClinicalError: Dagster cannot be read.
        """
        asset = self._pins.tables.get((table, version))
        return Use() if asset is None else Use(f"the newest materialization of {asset} is it")

    def _newest_package(self, model: str) -> str | None:
        from dagster import AssetKey

        from resources.dagster_instance.home import dagster_instance
        from resources.evidence import EvidenceReader

        with dagster_instance(self._settings) as instance:
            return EvidenceReader(instance).newest(AssetKey([model, "package"]), "digest")

    @cached_property
    def _packaged(self) -> list[tuple[str, frozenset[str]]]:
        from clinical_assets.evidence.manifest import MANIFEST, parse_manifest

        found = []
        for path in sorted(self._settings.packages.glob(f"*/[!.]*/{MANIFEST}")):
            manifest = parse_manifest(_bytes(path))
            listed = frozenset(entry.sha256 for entry in manifest.files.values())
            found.append((path.parent.name, listed))
        return found

    @cached_property
    def _pins(self) -> Pins:
        from clinical_assets.keys import SNAPSHOT, TABLE, VERSION
        from resources.dagster_instance.home import dagster_instance
        from resources.snapshot_store import SnapshotStore

        store = SnapshotStore(self._settings.snapshots_url, self._settings.s3_options)
        pins = Pins({}, {})
        with dagster_instance(self._settings) as instance:
            for key in instance.all_asset_keys():
                for metadata in _newest(instance, key):
                    name = key.to_user_string()
                    if TABLE in metadata:
                        pins.tables[str(metadata[TABLE]), int(metadata[VERSION])] = name
                    if SNAPSHOT in metadata:
                        pinned = str(metadata[SNAPSHOT])
                        pins.snapshots[pinned] = name
                        # A record may name further files by digest: a candidate its model's.
                        with suppress(ClinicalError):
                            for named in _digests_in(store.get(pinned)):
                                pins.snapshots.setdefault(named, name)
        return pins


def _newest(instance: "DagsterInstance", key: "AssetKey") -> Iterator[dict[str, Any]]:
    from dagster import AssetRecordsFilter

    partitions = sorted(instance.get_materialized_partitions(key))
    for chosen in [None] if not partitions else [[one] for one in partitions]:
        wanted = AssetRecordsFilter(key, asset_partitions=chosen)
        for record in instance.fetch_materializations(wanted, limit=1).records:
            if record.asset_materialization is not None:
                stated = record.asset_materialization.metadata
                yield {name: value.value for name, value in stated.items()}


def _digests_in(data: bytes) -> set[str]:
    import re

    found = re.findall(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", data)
    return {digest.decode() for digest in found}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClinicalError(
            f"A package's manifest cannot be read ({error.strerror})",
            where=path.parent.name,
            repair="Restore the package from its zip or a backup; until then nothing is purged",
        ) from error


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ClinicalError(
            "MLflow does not say when a release was replaced",
            where="tag clinical.released_at",
            repair="Restore MLflow's database from a backup; until then the package is kept",
        )
    return found
