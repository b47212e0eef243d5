"""The register of data sources, and what it demands of a file.

What belongs here: the shape of ``data/sources.toml`` and the decision whether given bytes are the
registered ones. What does not: finding and reading files (``resources.source_files``), and the
meaning of columns for a model (its dataset contract).

The register holds, for each source, what a datasheet asks about collection, consent and licence
(Gebru et al. 2021, "Datasheets for Datasets"), and the SHA-256 of every file: input with a wrong
checksum is refused (P11-08, HIP-07).
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError

_STRICT = ConfigDict(extra="forbid", strict=True)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """One column as it stands in the file.

    Attributes:
        name: name in the header, or its conventional name where the file has none.
        unit: UCUM code; ``1`` for counts, scores and categories.
        description: what was measured.
        missing: codes that mean "not measured" in this column.
    """

    __pydantic_config__ = _STRICT

    name: str
    unit: str
    description: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredFile:
    """One file of a source.

    Attributes:
        name: the name that readers ask for; unique within the source.
        sha256: of the whole file.
        rows: number of data rows, without the header.
        header: whether the first line holds the names, or facts about the file, not a row.
        path: where it lies, relative to the register's folder; empty where it is not shipped.
        package: importable package that ships it, at :attr:`path` inside; else empty.
    """

    __pydantic_config__ = _STRICT

    name: str
    sha256: str
    rows: int
    header: bool
    path: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """A source of data and where it comes from.

    Attributes:
        id: lower-case words joined by hyphens.
        title, license, citation, reference: what it is, on what terms, how to cite it, and where
            it is found (in words: an address moves, a citation stays).
        collected_by, collection: who collected it, how and from whom.
        consent: what is known of consent and ethics review, and what is not.
        shipped: whether the files come with this repository or an installed package; if not, a
            person adds them with ``clinical data add``.
        files: every file, each with its SHA-256.
        columns: the columns of the files (the same in each).
    """

    __pydantic_config__ = _STRICT

    id: str
    title: str
    license: str
    citation: str
    reference: str
    collected_by: str
    collection: str
    consent: str
    shipped: bool
    files: tuple[RegisteredFile, ...]
    columns: tuple[SourceColumn, ...]

    def file(self, name: str) -> RegisteredFile:
        """The file of this name.

        Raises:
            ClinicalError: the source has no such file.
        """
        for file in self.files:
            if file.name == name:
                return file
        raise ClinicalError(
            f"Source {self.id} has no file of this name",
            where=name,
            repair="Use one of: " + ", ".join(f.name for f in self.files),
        )


_PARSER: TypeAdapter[RegisteredSource] = TypeAdapter(RegisteredSource)


def parse_sources(text: str, *, origin: str = "sources.toml") -> dict[str, RegisteredSource]:
    """The sources of a register, by id, in its order.

    Args:
        text: TOML: one ``[[source]]`` table each, with ``[[source.files]]`` and
            ``[[source.columns]]``.
        origin: the register's name in messages.

    Raises:
        ClinicalError: not TOML, a missing or unknown key, a wrong type, a malformed digest, an
            id or file name used twice, no files or columns. Every problem of the entry is named.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(f"It is not TOML: {error}", origin) from error
    unknown = sorted(set(document) - {"source"})
    entries = document.get("source")
    if unknown or not isinstance(entries, list) or not entries:
        what = f"unknown key {', '.join(unknown)}" if unknown else "no [[source]] entry"
        raise _invalid(f"It has {what}", origin)
    sources: dict[str, RegisteredSource] = {}
    for number, entry in enumerate(entries, start=1):
        source = _source(entry, origin, number)
        if source.id in sources:
            raise _invalid("The id is used twice", f"{origin}, source {source.id}")
        sources[source.id] = source
    return sources


def verify_bytes(source: RegisteredSource, name: str, data: bytes) -> bytes:
    """``data``, if it is what the register says of file ``name``.

    Raises:
        ClinicalError: SHA-256 or row count differ; digests and counts are named, no content.
    """
    file = source.file(name)
    found = sha256(data)
    if found != file.sha256:
        raise ClinicalError(
            f"The file is not the registered one: its SHA-256 is {found}, registered is"
            f" {file.sha256}",
            where=f"source {source.id}, file {name}",
            repair="Obtain the file as published and change nothing in it, not even line ends;"
            " a new edition is registered as a source of its own",
        )
    if not data.strip():
        raise ClinicalError(
            "The file is empty",
            where=f"source {source.id}, file {name}",
            repair="Obtain the complete file and register it",
        )
    rows = count_rows(data, header=file.header)
    if rows != file.rows:
        raise ClinicalError(
            f"The file has {rows} rows, but {file.rows} are registered",
            where=f"source {source.id}, file {name}",
            repair="Correct rows or header of the entry in the register",
        )
    return data


def count_rows(data: bytes, *, header: bool) -> int:
    """Number of lines that are not blank, without the first where it is a header."""
    lines = sum(1 for line in data.splitlines() if line.strip())
    return max(lines - 1, 0) if header else lines


def _source(entry: Mapping[str, Any], origin: str, number: int) -> RegisteredSource:
    name = entry.get("id") if isinstance(entry, Mapping) else None
    place = f"{origin}, source {name if isinstance(name, str) else f'number {number}'}"
    try:
        # By way of JSON, for which strict means: arrays for tuples, else the very type.
        source = _PARSER.validate_json(json.dumps(entry, default=str))
    except ValidationError as error:
        problems = "; ".join(_problem(item) for item in error.errors())
        raise _invalid(problems, place) from error
    problems = "; ".join(_contradictions(source))
    if problems:
        raise _invalid(problems, place)
    return source


def _problem(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "missing":
        return f"key {key} is missing"
    if item["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"key {key} is unknown"
    return f"key {key}: {item['msg'][:1].lower()}{item['msg'][1:]}"


def _contradictions(source: RegisteredSource) -> list[str]:
    found = []
    if not _ID.fullmatch(source.id):
        found.append("id must be lower-case words joined by hyphens")
    if not source.files or not source.columns:
        found.append("at least one file and one column are needed")
    for kind, names in (
        ("file", [f.name for f in source.files]),
        ("column", [c.name for c in source.columns]),
    ):
        found += [f"{kind} {n} is declared twice" for n in sorted({*names}) if names.count(n) > 1]
    for file in source.files:
        if not _DIGEST.fullmatch(file.sha256):
            found.append(f"sha256 of {file.name} is not 64 lower-case hexadecimal digits")
        if file.rows < 1:
            found.append(f"rows of {file.name} must be at least 1")
        if bool(file.path) is not source.shipped:
            what = "needs a path" if source.shipped else "has a path, but shipped is false"
            found.append(f"file {file.name} {what}")
        if file.path.startswith(("/", "~")) or ".." in file.path.split("/"):
            found.append(f"path of {file.name} must stay below its folder")
    return found


def _invalid(what: str, where: str) -> ClinicalError:
    return ClinicalError(
        f"The register of sources is wrong: {what}",
        where=where,
        repair="Correct the entry; data/sources.toml in the repository shows the form",
    )
