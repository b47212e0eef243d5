"""Dagster's instance: its folder and configuration, made where they are missing.

``clinical`` and ``dagster dev`` see the same runs: the top-level ``dagster.yaml`` names the places
that this module configures.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance

from clinical_assets.errors import ClinicalError
from resources.settings import Settings


def prepare_dagster_home(settings: Settings) -> Path:
    """Makes the stores and Dagster's folder with its configuration; sets ``DAGSTER_HOME``.

    The configuration is written as JSON, which YAML includes. A ``dagster.yaml`` that is
    already there (production: PostgreSQL) is left alone.

    Raises:
        ClinicalError: the folder cannot be written.
    """
    settings.prepare()
    home = settings.dagster_home
    configuration = home / "dagster.yaml"
    try:
        if not configuration.exists():
            configuration.write_text(json.dumps(embedded_configuration(home), indent=2))
    except OSError as error:
        raise ClinicalError(
            f"Dagster's folder cannot be written ({error.strerror})",
            where=str(home),
            repair="Make the folder writable, or name another by CLINICAL_DAGSTER_HOME",
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def embedded_configuration(home: Path) -> dict[str, object]:
    """The instance on SQLite below ``home``; no telemetry, no invitation to a newsletter."""
    return {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "storage": {"sqlite": {"base_dir": str(home / "storage")}},
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home)},
        },
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(home / "logs")},
        },
    }


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The instance of this installation, for one command."""
    home = prepare_dagster_home(settings)
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance
