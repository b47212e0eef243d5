"""Where a run came from: code, environment and seed, and the source it read.

Data only. The resource that asks git and the interpreter fills :class:`Provenance`; the source
register's parser fills :class:`SourceFacts`. Nothing here reads a clock, a file or the
environment, so that the same facts give the same documents (design: byte-deterministic).
"""

from dataclasses import dataclass

from clinical_assets.modelling.records import SourceFile


@dataclass(frozen=True, slots=True)
class Provenance:
    """The code and the environment that made a model (AID-02, GML-02).

    Attributes:
        commit: full git commit id of the source that ran; empty where there is none.
        commit_time: committer time of that commit, ISO 8601 in UTC (``2026-11-24T10:00:00Z``).
        dirty: whether files differed from the commit; the commit then does not name the source.
        lock_sha256: SHA-256 of ``requirements.lock``.
        python: interpreter and version (``CPython 3.11.2``).
        platform: operating system and processor (``Linux x86_64``), no host name.
        package_version: version of this package.
        seed: the seed from which every random draw derives.
    """

    commit: str
    commit_time: str
    dirty: bool
    lock_sha256: str
    python: str
    platform: str
    package_version: str
    seed: int


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the source register says of one source, as the documents need it.

    Attributes:
        collected_by: the organisation that collected the data.
        collection: how, when and from whom it was collected.
        consent: consent and ethics note, as registered.
        files: the registered files as they were read.
    """

    id: str
    title: str
    license: str
    citation: str
    collected_by: str
    collection: str
    consent: str
    files: tuple[SourceFile, ...]
