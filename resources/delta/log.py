"""What a commit of a lake table says, and how it gets into Delta Lake's log and out again.

What belongs here: the record that every commit carries, the map between polars and Delta types,
loading a version, committing one file as the next version. What does not: rows and files, which
:mod:`resources.delta.lake` reads and writes.

Delta Lake's own row statistics are left out of the log: smallest and largest values of a column
are patients' values, and the log outlives the rows (PRI-08).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.schema import Field, PrimitiveType
from deltalake.transaction import AddAction, create_table_with_add_actions

from clinical_assets.canonical import digest_of, from_plain, to_plain
from clinical_assets.errors import ClinicalError
from resources.blobs import disk_faults, flush, open_blobs

METADATA_KEY = "clinical"
# Old versions stay readable for as long as the store does: neither a checkpoint nor a vacuum by
# another tool may drop what they need. Delta's defaults are 30 and 7 days.
KEPT = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
UTC_TIME = pl.Datetime("us", "UTC")
_DELTA_TYPES: dict[pl.DataType, str] = {
    pl.Boolean(): "boolean",
    pl.Int8(): "byte",
    pl.Int16(): "short",
    pl.Int32(): "integer",
    pl.Int64(): "long",
    pl.Float32(): "float",
    pl.Float64(): "double",
    pl.String(): "string",
    pl.Date(): "date",
    UTC_TIME: "timestamp",
}
_POLARS_TYPES = {name: dtype for dtype, name in _DELTA_TYPES.items()}


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A pin: one version of one table, and the digest that its content must have.

    Attributes:
        table: name of the table, ``/`` separated.
        version: number of the version, from 0.
        sha256: :func:`~clinical_assets.canonical.frame_digest` of the rows for a version that was
            written whole; for one that was appended to, the chain of the appended parts' digests.
        rows: number of rows of the version.
    """

    table: str
    version: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What a commit says about itself, in the custom metadata of Delta's log.

    Attributes:
        token: unique name of this write, by which the writer finds its own version.
        mode: ``write`` replaced the content, ``append`` added to it.
        base: version of the last ``write``; the content is made of the commits since then.
        sha256, rows: of the whole version, as in :class:`TableVersion`.
        own_sha256, own_rows: frame digest and count of the rows that this commit brought.
        file, file_sha256: the Parquet file that holds them.
        note: what the writer wanted to be kept beside them (run, asset, commit).
    """

    token: str
    mode: Literal["write", "append"]
    base: int
    sha256: str
    rows: int
    own_sha256: str
    own_rows: int
    file: str
    file_sha256: str
    note: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of a table's history."""

    pin: TableVersion
    record: CommitRecord
    committed_at: datetime


class NotCommittedError(ClinicalError):
    """The log entry was not made and will not be: nothing names the file."""


def chained(previous_sha256: str, own_sha256: str) -> str:
    """Digest of a version that was appended to: it costs what was appended, not the history."""
    return digest_of({"appended": own_sha256, "previous": previous_sha256})


def delta_schema(table: str, frame: pl.DataFrame) -> Schema:
    """The frame's columns as a Delta schema.

    Raises:
        ClinicalError: a column's type would not come back as it went in.
    """
    wrong = [f"{n} ({t})" for n, t in frame.schema.items() if t not in _DELTA_TYPES]
    if wrong or not frame.width:
        raise ClinicalError(
            "The lake cannot hold these columns exactly: " + ", ".join(wrong)
            if wrong
            else "A table of the lake needs at least one column",
            where=f"table {table}",
            repair="Cast them to Boolean, Int64, Float64, String, Date or"
            " Datetime('us', 'UTC') first; times without a zone are refused",
        )
    columns = [Field(n, PrimitiveType(_DELTA_TYPES[t])) for n, t in frame.schema.items()]
    return Schema(columns)


def polars_schema(table: DeltaTable) -> dict[str, pl.DataType]:
    """Names and polars types of a loaded Delta table's columns."""
    kinds = json.loads(table.schema().to_json())["fields"]
    return {column["name"]: _POLARS_TYPES[column["type"]] for column in kinds}


@dataclass(frozen=True)
class DeltaLog:
    """The log of one table.

    Attributes:
        table: name of the table, for messages.
        url: folder or ``s3://…`` of the table.
        options: object-store options.
    """

    table: str
    url: str
    options: Mapping[str, str]

    def load(self, version: int | None = None) -> DeltaTable | None:
        """The table at a version (the latest for None); None where there is no table at all.

        Raises:
            ClinicalError: the version does not exist or the log cannot be read.
        """
        try:
            return DeltaTable(self.url, version=version, storage_options=dict(self.options))
        except TableNotFoundError:
            return None
        except (DeltaError, OSError, ValueError) as error:
            wanted = "its log" if version is None else f"version {version}"
            raise ClinicalError(
                f"{wanted[0].upper()}{wanted[1:]} cannot be read ({type(error).__name__})",
                where=f"table {self.table} in {self.url}",
                repair="Check the version number and the store's address; a damaged _delta_log"
                " must be restored from a backup",
            ) from error

    def entry(self, version: int) -> Commit:
        """What one commit says of itself, read from its own file in the log.

        ``DeltaTable.history`` is not used: it lists from the newest commit whatever version was
        loaded, and counts the numbers down from the loaded one (deltalake 1.6.6).

        Raises:
            ClinicalError: there is no such commit, or it was not written by this lake.
        """
        try:
            actions = self._actions(version)
            info = next(action["commitInfo"] for action in actions if "commitInfo" in action)
            record = from_plain(CommitRecord, info[METADATA_KEY])
            at = datetime.fromtimestamp(info["timestamp"] / 1000, UTC)
        except (KeyError, StopIteration, ValueError) as error:  # pydantic's is a ValueError
            raise ClinicalError(
                f"Version {version} was not written by this lake, or its log entry is damaged: it"
                " carries no digest",
                where=f"table {self.table} in {self.url}",
                repair="Find out who wrote it; pin an earlier version, or write the table anew",
            ) from error
        return Commit(TableVersion(self.table, version, record.sha256, record.rows), record, at)

    def files_named(self, version: int) -> set[str]:
        """Names of the files that one commit added, whoever wrote it.

        Raises:
            ClinicalError: there is no such commit, or its entry cannot be read.
        """
        try:
            actions = self._actions(version)
            return {action["add"]["path"] for action in actions if "add" in action}
        except (KeyError, TypeError, ValueError) as error:
            raise ClinicalError(
                f"The log entry of version {version} is damaged",
                where=f"table {self.table} in {self.url}",
                repair="Restore _delta_log from a backup",
            ) from error

    def _actions(self, version: int) -> list[Any]:
        data = open_blobs(self.url, self.options).read(_entry_name(version))
        if data is None:
            raise ClinicalError(
                f"The log entry of version {version} is missing",
                where=f"table {self.table} in {self.url}",
                repair="Restore _delta_log from a backup; the lake never removes entries itself",
            )
        return [json.loads(line) for line in data.splitlines() if line.strip()]

    def commit(
        self, loaded: DeltaTable | None, record: CommitRecord, size: int, schema: Schema
    ) -> TableVersion | None:
        """Make ``record``'s file the version after ``loaded``; None where another was quicker.

        Retries inside delta-rs are off: it would move an append behind a version that this
        record does not know, and the chain of digests would lie.

        Raises:
            NotCommittedError: the log cannot be written; the table stays at its version.
            ClinicalError: it is not known whether the entry was made, or the entry was made and
                cannot be put on disk or read back.
        """
        action = AddAction(
            path=record.file,
            size=size,
            partition_values={},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": record.own_rows}),
        )
        properties = CommitProperties(
            custom_metadata={METADATA_KEY: to_plain(record)}, max_commit_retries=0
        )
        hooks = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
        version = 0 if loaded is None else loaded.version() + 1
        try:
            if loaded is None:
                create_table_with_add_actions(
                    self.url,
                    schema,
                    [action],
                    configuration=KEPT,
                    storage_options=dict(self.options),
                    commit_properties=properties,
                    post_commithook_properties=hooks,
                )
            else:
                mode = "overwrite" if record.mode == "write" else "append"
                loaded.create_write_transaction(
                    [action],
                    mode,
                    schema,
                    commit_properties=properties,
                    post_commithook_properties=hooks,
                )
        except (DeltaError, OSError) as error:
            # The commit may have landed although its answer was lost, or only the checkpoint
            # after it failed. The token tells.
            return self._after_failure(version, record, error)
        return self._landed(version, record)

    def _after_failure(
        self, version: int, record: CommitRecord, error: Exception
    ) -> TableVersion | None:
        latest = self.load()
        if latest is None or latest.version() < version:
            # A request to S3 that got no answer may still arrive.
            kind = ClinicalError if "://" in self.url else NotCommittedError
            raise kind(
                f"Version {version} could not be committed ({type(error).__name__}); the table"
                " stays as it was",
                where=f"table {self.table} in {self.url}",
                repair="Check free space, write permission and, on S3, that the service honours"
                " conditional writes; then run again",
            ) from error
        return self._landed(version, record)

    def _landed(self, version: int, record: CommitRecord) -> TableVersion | None:
        commit = self.entry(version)
        if commit.record.token != record.token:
            return None
        if "://" not in self.url:
            self._flush(version)
        return commit.pin

    def _flush(self, version: int) -> None:
        """Put the commit on disk before anyone is told of it; delta-rs leaves that to the OS."""
        entry = Path(self.url) / _entry_name(version)
        with disk_faults(entry):
            flush(entry)
            flush(entry.parent)
            if version == 0:  # the log's folder is new too
                flush(entry.parent.parent)


def _entry_name(version: int) -> str:
    return f"_delta_log/{version:020d}.json"
