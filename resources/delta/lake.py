"""The lake: tables in versions that can be pinned by number and digest.

What belongs here: writing a frame as a new version, reading a version back and proving that it is
what was written, and SQL over pinned versions. What does not: what the tables mean.

Every version is one Parquet file and one commit of a Delta Lake log. The file is on disk before
the commit names it, so a writer that dies leaves an unnamed file at most and never half a version;
later writers remove it (:mod:`resources.delta.sweep`).
Reading recomputes SHA-256 of each file and the frame digest of its rows; a changed file, a changed
log and a swapped version are refused (P11-01, HIP-07). Delta's file checks alone are sizes.
"""

import io
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import polars as pl

from clinical_assets.canonical import frame_digest
from clinical_assets.canonical import sha256 as sha256_of
from clinical_assets.errors import ClinicalError
from resources.blobs import Blobs, open_blobs

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from resources.delta.log import Commit, CommitRecord, DeltaLog, TableVersion

_TABLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]*(/[A-Za-z0-9][A-Za-z0-9_.=-]*)*")
_ATTEMPTS = 30


class Lake:
    """Tables below ``url``.

    Args:
        url: a folder, or ``s3://bucket/prefix``.
        storage_options: object-store options (endpoint, region); never credentials.
    """

    def __init__(self, url: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._options = dict(storage_options or {})

    def write(
        self, table: str, frame: pl.DataFrame, *, note: Mapping[str, str] | None = None
    ) -> "TableVersion":
        """Make ``frame`` the table's whole content, as a new version; old versions stay readable.

        Args:
            table: name of the table, ``/`` separated; made where it does not exist.
            frame: the rows; columns of Boolean, integer, float, String, Date, Datetime('us',
                'UTC'), which come back exactly.
            note: what to keep beside the rows; never a patient's value or a secret.

        Returns:
            The pin of this very version, also when others write at the same time.

        Raises:
            ClinicalError: a column's type is not held, or the store cannot be written.
        """
        return self._add("write", table, frame, note or {})

    def append(
        self, table: str, frame: pl.DataFrame, *, note: Mapping[str, str] | None = None
    ) -> "TableVersion":
        """Add rows to the table, as a new version; it costs what ``frame`` holds.

        As :meth:`write`; the columns must be the table's. The pin's digest chains the digest of
        these rows to the version before.
        """
        return self._add("append", table, frame, note or {})

    def read(self, table: str, pin: "TableVersion | None" = None) -> pl.DataFrame:
        """The rows of the pinned version (the latest for None), in the order they were written.

        Raises:
            ClinicalError: there is no such table or version; its files, its log or the pin do
                not agree (the table and version are named).
        """
        log = self._log(table)
        parts = list(self._parts(log, self._commits_of(log, pin)))
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="vertical")

    def latest(self, table: str) -> "TableVersion | None":
        """The pin of the table's newest version; None where there is no table."""
        log = self._log(table)
        loaded = log.load()
        return None if loaded is None else log.entry(loaded.version()).pin

    def history(self, table: str) -> "tuple[Commit, ...]":
        """Every commit of the table, newest first; empty where there is no table."""
        log = self._log(table)
        loaded = log.load()
        newest = -1 if loaded is None else loaded.version()
        return tuple(log.entry(version) for version in range(newest, -1, -1))

    def files(self, pin: "TableVersion") -> list[str]:
        """Paths or URLs of the version's Parquet files, in row order, each verified by SHA-256.

        For engines that read Parquet themselves. The digest of the rows is not recomputed here:
        :meth:`read` does that.

        Raises:
            ClinicalError: as :meth:`read`.
        """
        log = self._log(pin.table)
        commits = self._commits_of(log, pin)
        blobs = self._blobs(pin.table)
        for commit in commits:
            self._file_bytes(blobs, commit)
        return [f"{log.url}/{commit.record.file}" for commit in commits]

    def query(self, sql: str, **tables: "TableVersion") -> pl.DataFrame:
        """The result of ``sql`` over pinned versions, by DuckDB in memory.

        Args:
            sql: one SELECT; it sees the tables by their keyword names and nothing else.
            tables: the pinned versions.

        Returns:
            The rows; sums of whole numbers come as Int64, times in UTC.

        Raises:
            ClinicalError: a pin does not hold, or DuckDB refuses the statement.
        """
        from resources.delta.query import run_query

        if self.url.startswith("s3://"):
            # DuckDB reads S3 only with an extension that it downloads: hand it the rows instead.
            return run_query(sql, {n: self.read(pin.table, pin) for n, pin in tables.items()})
        return run_query(sql, {name: self.files(pin) for name, pin in tables.items()})

    def _log(self, table: str) -> "DeltaLog":
        from resources.delta.log import DeltaLog

        if not _TABLE_NAME.fullmatch(table):
            raise ClinicalError(
                "This is no name for a table",
                where=repr(table),
                repair="Use letters, digits and _ . = -, with / between folders",
            )
        return DeltaLog(table, f"{self.url}/{table}", self._options)

    def _blobs(self, table: str) -> Blobs:
        return open_blobs(f"{self.url}/{table}", self._options)

    def _add(
        self,
        mode: Literal["write", "append"],
        table: str,
        frame: pl.DataFrame,
        note: Mapping[str, str],
    ) -> "TableVersion":
        from resources.delta.log import NotCommittedError, delta_schema
        from resources.delta.sweep import sweep

        log = self._log(table)
        schema = delta_schema(table, frame)
        token = uuid4().hex
        data = _parquet(frame)
        name, digest, file_digest = f"{token}.parquet", frame_digest(frame), sha256_of(data)
        blobs = self._blobs(table)
        # What a damaged log or a full disk means for this write, the write itself says.
        with suppress(ClinicalError):
            sweep(log, blobs)
        blobs.create(name, data)
        # Whether it is known that no log entry names the file. Where it is not known (the disk
        # failed or the process was interrupted after the commit), the file stays: a file that
        # nothing names harms nobody, and a named one that is gone breaks every later read.
        unnamed = True
        try:
            for attempt in range(_ATTEMPTS):
                loaded = log.load()
                record = self._record(log, loaded, mode, frame, digest)
                record = _named(record, token, name, file_digest, note)
                unnamed = False
                pin = log.commit(loaded, record, len(data), schema)
                if pin is not None:
                    return pin
                unnamed = True
                # Another writer was quicker. Waiting times differ by the token, so that two
                # writers do not meet again and again.
                time.sleep(min(0.5, 0.01 * 1.5**attempt) * (0.5 + int(token[:4], 16) / 65536))
        except NotCommittedError:
            unnamed = True
            raise
        finally:
            if unnamed:
                blobs.remove(name)
        raise ClinicalError(
            f"Others kept writing: {_ATTEMPTS} attempts to commit were overtaken",
            where=f"table {table}",
            repair="Run again when fewer writers are at work on this table",
        )

    def _record(
        self,
        log: "DeltaLog",
        loaded: "DeltaTable | None",
        mode: Literal["write", "append"],
        frame: pl.DataFrame,
        digest: str,
    ) -> "CommitRecord":
        from resources.delta.log import CommitRecord, chained, polars_schema

        rows = frame.height
        if loaded is None or mode == "write":
            base = 0 if loaded is None else loaded.version() + 1
            return CommitRecord("", "write", base, digest, rows, digest, rows, "", "")
        held = polars_schema(loaded)
        if list(held.items()) != list(frame.schema.items()):
            differing = sorted(
                {n for n in {*held, *frame.columns} if held.get(n) != frame.schema.get(n)}
            )
            raise ClinicalError(
                "The columns differ from the table's in name, type or order: "
                + (", ".join(differing) or "order only"),
                where=f"table {log.table}",
                repair="Append the table's own columns, or write the table anew",
            )
        last = log.entry(loaded.version())
        return CommitRecord(
            token="",
            mode="append",
            base=last.record.base,
            sha256=chained(last.record.sha256, digest),
            rows=last.record.rows + rows,
            own_sha256=digest,
            own_rows=rows,
            file="",
            file_sha256="",
        )

    def _commits_of(self, log: "DeltaLog", pin: "TableVersion | None") -> "list[Commit]":
        """The commits that make up a version, oldest first, their chain and the pin verified."""
        from resources.delta.log import chained

        loaded = log.load(None if pin is None else pin.version)
        if loaded is None:
            raise ClinicalError(
                "There is no such table in the lake",
                where=f"table {log.table} in {self.url}",
                repair="Materialize the asset that writes it, or check CLINICAL_LAKE_URL",
            )
        last = log.entry(loaded.version())
        commits = [log.entry(v) for v in range(last.record.base, last.pin.version)] + [last]
        if pin is not None and pin != last.pin:
            raise _broken(last, "is not the pinned one (its digest or row count differs)")
        digest, rows = "", 0
        for commit in commits:
            own = commit.record.own_sha256
            digest = own if commit.record.mode == "write" else chained(digest, own)
            rows += commit.record.own_rows
        if (digest, rows) != (last.record.sha256, last.record.rows):
            raise _broken(last, "has a log that contradicts itself")
        named = sorted(commit.record.file for commit in commits)
        if named != sorted(uri.rsplit("/", 1)[-1] for uri in loaded.file_uris()):
            raise _broken(last, "names other files in Delta's log than in its own record")
        return commits

    def _parts(self, log: "DeltaLog", commits: "list[Commit]") -> Iterator[pl.DataFrame]:
        blobs = self._blobs(log.table)
        for commit in commits:
            data = self._file_bytes(blobs, commit)
            frame = pl.read_parquet(io.BytesIO(data))
            if frame_digest(frame) != commit.record.own_sha256:
                raise _broken(commit, "does not have the rows whose digest was committed")
            yield frame

    def _file_bytes(self, blobs: Blobs, commit: "Commit") -> bytes:
        data = blobs.read(commit.record.file)
        if data is None:
            raise _broken(commit, f"lacks its file {commit.record.file}")
        if sha256_of(data) != commit.record.file_sha256:
            raise _broken(commit, f"has a changed file {commit.record.file}")
        return data


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _named(
    record: "CommitRecord", token: str, file: str, file_sha256: str, note: Mapping[str, str]
) -> "CommitRecord":
    from dataclasses import replace

    return replace(record, token=token, file=file, file_sha256=file_sha256, note=dict(note))


def _broken(commit: "Commit", what: str) -> ClinicalError:
    return ClinicalError(
        f"Version {commit.pin.version} of table {commit.pin.table} {what}",
        where=f"committed {commit.committed_at:%Y-%m-%d %H:%M:%S} UTC",
        repair="Do not use it: keep the store for the investigation and restore the table from a"
        " backup, or materialize the asset again, which writes a new version",
    )
