"""The files of a package that hold data and records, by their path in the package.

The forms of card and datasheet come from ``forms``; source, lock and platform from
``resources/provenance.py``; manifest and signature from ``package`` and ``signing``.
"""

import io
from collections.abc import Mapping

import polars as pl

from clinical_assets.canonical import canonical_json
from clinical_assets.modelling.records import CandidateRecord, Evaluation, Protocol
from clinical_assets.modelling.spec import ClinicalModel


def data_files(
    dataset: pl.DataFrame, split: pl.DataFrame, features: pl.DataFrame, raw: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The tables as Parquet, and the raw source files (name → bytes) that they came from."""
    return {
        "data/dataset.parquet": parquet_bytes(dataset),
        "data/split.parquet": parquet_bytes(split),
        "data/features.parquet": parquet_bytes(features),
        **{f"data/raw/{name}": data for name, data in raw.items()},
    }


def model_files(
    spec: ClinicalModel, candidate: CandidateRecord, onnx: bytes, skops: bytes
) -> dict[str, bytes]:
    """The declaration, and the model with how it was chosen."""
    return {
        "spec.json": canonical_json(spec.to_plain()),
        "candidate.json": canonical_json(candidate),
        "model/model.onnx": onnx,
        "model/model.skops": skops,
    }


def evaluation_files(
    protocol: Protocol, evaluation: Evaluation, test_predictions: pl.DataFrame
) -> dict[str, bytes]:
    """The frozen criteria, and what was measured under them."""
    return {
        "protocol.json": canonical_json(protocol),
        "evaluation/evaluation.json": canonical_json(evaluation),
        "evaluation/test_predictions.parquet": parquet_bytes(test_predictions),
    }


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A table as Parquet; equal tables give equal bytes under one version of polars."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()
