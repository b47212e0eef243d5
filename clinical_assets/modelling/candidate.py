"""A trained candidate: its record and its bytes.

One function from the features table to everything that is kept of a candidate, used by the asset
and by the rebuild from a package, so that both run the same steps.
"""

from dataclasses import dataclass

import polars as pl

from clinical_assets.canonical import frame_digest, sha256
from clinical_assets.modelling.export import OnnxModel, parity, to_onnx, to_skops
from clinical_assets.modelling.features import apply_recipe
from clinical_assets.modelling.own_code import derive_features
from clinical_assets.modelling.records import CandidateRecord, FeatureRecipe
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.modelling.training import FittedModel, train


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate's record with the bytes that its digests name."""

    record: CandidateRecord
    onnx: bytes
    skops: bytes


def train_candidate(
    spec: ClinicalModel, features: pl.DataFrame, recipe: FeatureRecipe
) -> Candidate:
    """Trains on the rows whose role is ``train`` and exports the chosen model.

    ``features`` has the identifier, ``role``, the label and ``spec.inputs``.
    """
    fitted = train(spec, features, recipe)
    onnx = to_onnx(spec, fitted.pipeline)
    skops = to_skops(fitted.pipeline)
    seen = features.filter(pl.col("role") != "test").select(spec.inputs)
    onnx_sha256 = sha256(onnx)
    record = CandidateRecord(
        model=spec.name,
        version=f"{spec.version}+{onnx_sha256[:8]}",
        spec_digest=spec.digest,
        estimator=fitted.estimator.name,
        kind=fitted.estimator.kind,
        parameters=dict(fitted.parameters),
        recipe=recipe,
        inputs=spec.inputs,
        trials=fitted.trials,
        training_rows=fitted.training.height,
        training_events=int(fitted.training[spec.label.column].sum()),
        training_digest=frame_digest(fitted.training),
        onnx_sha256=onnx_sha256,
        skops_sha256=sha256(skops),
        parity=parity(fitted.pipeline, onnx, seen),
        seed=spec.seed,
        coefficients=_coefficients(spec, fitted),
    )
    return Candidate(record, onnx, skops)


def predict_rows(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    onnx: bytes,
    dataset: pl.DataFrame,
) -> pl.DataFrame:
    """Probabilities of the ONNX model for ``dataset`` rows, with what evaluation needs of them.

    Columns: identifier, label, every subgroup column, ``probability`` (Float64). The model sees
    the rows through its own recipe and inputs.
    """
    inputs = apply_recipe(derive_features(spec, dataset), candidate.recipe, candidate.inputs)
    wanted = dict.fromkeys(
        [spec.id_column, spec.label.column, *(group.column for group in spec.subgroups)]
    )
    probability = pl.Series("probability", OnnxModel(onnx).probabilities(inputs))
    return dataset.select(list(wanted)).with_columns(probability)


def _coefficients(spec: ClinicalModel, fitted: FittedModel) -> dict[str, float] | None:
    weights = getattr(fitted.pipeline[-1], "coef_", None)
    if weights is None:
        return None
    return dict(zip(spec.inputs, (float(w) for w in weights[0]), strict=True))
