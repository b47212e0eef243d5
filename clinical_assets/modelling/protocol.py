"""The acceptance criteria frozen by hash before the test rows are read (GML-08, design trap 8)."""

from typing import Any

import polars as pl

from clinical_assets.canonical import digest_of, frame_digest
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.records import CandidateRecord, Protocol
from clinical_assets.modelling.spec import ClinicalModel

# What decides about acceptance: a change of any of these after the freeze voids the evaluation.
FROZEN = (
    "acceptance",
    "operating_point",
    "subgroups",
    "references",
    "label",
    "seed",
    "bootstrap_replicates",
    "conformal_confidence",
    "partition_column",
    "test_fraction",
    "calibration_fraction",
)


def frozen_terms(spec: ClinicalModel) -> dict[str, Any]:
    """The part of the declaration that decides about acceptance, as plain JSON values."""
    plain = spec.to_plain()
    return {name: plain[name] for name in FROZEN}


def protocol_digest(spec: ClinicalModel) -> str:
    """SHA-256 of the canonical JSON of :func:`frozen_terms`."""
    return digest_of(frozen_terms(spec))


def freeze(
    spec: ClinicalModel, candidate: CandidateRecord, dataset: pl.DataFrame, split: pl.DataFrame
) -> Protocol:
    """Binds the terms as they stand now, and the rows, to one candidate.

    Of the rows only digests are taken; no probability is computed.
    """
    return Protocol(
        model=spec.name,
        version=candidate.version,
        digest=protocol_digest(spec),
        frozen=frozen_terms(spec),
        candidate_sha256=candidate.onnx_sha256,
        dataset_sha256=frame_digest(dataset),
        split_sha256=frame_digest(split),
    )


def require_frozen(
    protocol: Protocol, candidate: CandidateRecord, dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    """Refuses to open the test set for another candidate, or on other rows, than were frozen.

    Raises:
        ClinicalError: the protocol names other ONNX bytes, another dataset or another split.
    """
    pairs = {
        "candidate": (protocol.candidate_sha256, candidate.onnx_sha256),
        "dataset": (protocol.dataset_sha256, frame_digest(dataset)),
        "split": (protocol.split_sha256, frame_digest(split)),
    }
    other = [name for name, (frozen, found) in pairs.items() if frozen != found]
    if other:
        raise ClinicalError(
            f"The protocol was frozen for another {' and another '.join(other)}, so the test "
            "rows stay closed",
            where=f"model {candidate.model}, candidate {candidate.version}",
            repair="Materialize the protocol for what is there now, then the test predictions",
        )
