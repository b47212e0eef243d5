"""The acceptance criteria frozen by hash before the test rows are read (GML-08, design trap 8)."""

from typing import Any

from clinical_assets.canonical import digest_of
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


def freeze(spec: ClinicalModel, candidate: CandidateRecord) -> Protocol:
    """Binds the terms as they stand now to one candidate, before its test rows are read."""
    return Protocol(
        model=spec.name,
        version=candidate.version,
        digest=protocol_digest(spec),
        frozen=frozen_terms(spec),
        candidate_sha256=candidate.onnx_sha256,
    )
