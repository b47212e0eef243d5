"""Dagster's instance: its folder and configuration, made where they are missing.

``clinical`` and ``dagster dev`` see the same runs: the top-level ``dagster.yaml`` names the places
that this module configures for the default store; with another store `dagster dev` is refused.
Every instance writes the ledger (:mod:`.sqlite`); one that does not is refused.
"""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterInstance

from clinical_assets.errors import ClinicalError
from resources.dagster_instance.sqlite import require_ledger
from resources.dagster_instance.writing import LedgerPlace
from resources.ledger_database.engine import LedgerEngine
from resources.locks import held
from resources.settings import Settings, project_root


def prepare_dagster_home(settings: Settings) -> Path:
    """Makes the stores and Dagster's folder with its configuration; sets ``DAGSTER_HOME``.

    The configuration is written as JSON, which YAML includes. One that this software wrote for
    another folder, another ledger or in an earlier version is written anew. A ``dagster.yaml`` of
    somebody's own (production: PostgreSQL) is left alone.

    Raises:
        ClinicalError: the folder cannot be written, or the ledger's address is none.
    """
    settings.prepare()
    home = settings.dagster_home
    configuration = home / "dagster.yaml"
    draft = home / f".dagster.yaml.{os.getpid()}"
    wanted = embedded_configuration(home, ledger_configuration(settings))
    try:
        if _may_be_written(configuration, wanted):
            # Never half there: Dagster would take an empty file for a configuration.
            draft.write_text(json.dumps(wanted, indent=2))
            draft.replace(configuration)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ClinicalError(
            f"Dagster's folder cannot be written ({error.strerror})",
            where=str(home),
            repair="Free space or make the folder writable, or set CLINICAL_STORE to another one",
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _may_be_written(configuration: Path, wanted: dict[str, Any]) -> bool:
    """Whether the file is missing, or ours and different.

    Left as it is, the copy of a store would write its runs into the original.
    """
    if not configuration.exists():
        return True
    try:
        found = json.loads(configuration.read_text())
        home = Path(found["local_artifact_storage"]["config"]["base_dir"])
        ledger = found["storage"].get("custom", {}).get("config", {}).get("ledger")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # somebody's own
    before_the_ledger = {
        **embedded_configuration(home),
        "storage": {"sqlite": {"base_dir": str(home / "storage")}},
    }
    ours = (embedded_configuration(home, ledger), before_the_ledger)
    return found != wanted and found in ours


def require_own_instance(settings: Settings) -> None:
    """Refuses `dagster dev` on another Dagster instance than the settings name.

    Its runs and gates would lie in one store and tables, models and releases in another.
    ``dagster.yaml`` cannot follow ``CLINICAL_STORE``: it knows no default for a variable.

    Raises:
        ClinicalError: the instance is another one.
    """
    if os.environ.get("DAGSTER_IS_DEV_CLI") != "1":
        return
    named = os.environ.get("DAGSTER_HOME")
    used = Path(named) if named else project_root() / "data/store/dagster"
    if used.expanduser().resolve() != settings.dagster_home.resolve():
        raise ClinicalError(
            "`dagster dev` would keep its runs apart from the store that the settings name",
            where=f"runs in {used}, settings say {settings.dagster_home}",
            repair="Use `clinical up`, which needs nothing set; or, once it has made the folder,"
            f" set DAGSTER_HOME={settings.dagster_home}",
        )


def embedded_configuration(home: Path, ledger: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The instance on SQLite below ``home``; no telemetry, no invitation to a newsletter.

    Args:
        ledger: the ledger that it writes; by default that of the ``CLINICAL_…`` variables.
    """
    places = {"base_dir": str(home / "storage")}
    return {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "storage": {
            "custom": {
                "module": "resources.dagster_instance.sqlite",
                "class": "LedgerSqliteStorage",
                "config": places if ledger is None else {**places, "ledger": dict(ledger)},
            }
        },
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home)},
        },
        "compute_logs": {
            "module": "resources.dagster_instance.compute_logs",
            "class": "QuietComputeLogManager",
            "config": {"base_dir": str(home / "logs")},
        },
    }


def ledger_configuration(settings: Settings) -> dict[str, Any]:
    """The ledger as a storage's configuration names it, for all processes of the instance.

    An address that may hold a secret is not written down: every process reads the variable.
    """
    url = LedgerEngine(settings.ledger_url).url
    secret = url.password is not None or bool(url.query)
    return {
        "url": {"env": "CLINICAL_LEDGER_URL"} if secret else settings.ledger_url,
        "keys": str(settings.keys),
        "folder": str(settings.ledger_folder),
    }


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The instance of this installation, for one command.

    Raises:
        ClinicalError: a database of the store, or its disk, refuses, now or within the block; or
            the instance does not write the ledger.
    """
    home = prepare_dagster_home(settings)
    with _store_faults(settings.store):
        with held(home / "setup.lock", wait_seconds=120):  # one process makes the tables
            instance = DagsterInstance.from_config(str(home))
        with instance:
            require_ledger(instance, LedgerPlace.of_settings(settings))
            yield instance


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@contextmanager
def _store_faults(store: Path) -> Iterator[None]:
    """Turns what databases and disk raise into one paragraph; their own words hold SQL values."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _DISK:
            raise
        reason = getattr(error, "orig", None) or error
        words = type(reason).__name__
        if isinstance(reason, sqlite3.Error):
            words = str(reason)
        elif isinstance(reason, OSError) and reason.strerror:
            words = reason.strerror
        raise ClinicalError(
            f"A database of the store refused: {words}",
            where=str(store),
            repair="Free space and check that the folder can be written, then run again; what was"
            " released before stays released",
        ) from error
