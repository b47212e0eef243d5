"""The released model's probabilities on the present test rows.

A released model belongs to the specification that it was made with. A newer one may derive
features otherwise under the same names, so the champion is never scored with it on trust.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.canonical import frame_digest
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.evaluation import ChampionPredictions
from clinical_assets.modelling.export import OnnxModel
from clinical_assets.modelling.features import apply_recipe
from clinical_assets.modelling.own_code import derive_features
from clinical_assets.modelling.records import CandidateRecord
from clinical_assets.modelling.spec import ClinicalModel


@dataclass(frozen=True, slots=True)
class KeptModel:
    """What a released package holds of its model.

    Attributes:
        dataset, split, features, predictions: the package's tables: every row as read; its
            role; what the estimator saw of it; the probabilities on the test rows.
        evaluation: the record as JSON; an older package's may have another shape.
    """

    candidate: CandidateRecord
    onnx: bytes
    dataset: pl.DataFrame
    split: pl.DataFrame
    features: pl.DataFrame
    predictions: pl.DataFrame
    evaluation: bytes


def champion_predictions(
    spec: ClinicalModel, kept: KeptModel, test_rows: pl.DataFrame
) -> ChampionPredictions:
    """The champion's probabilities, one for each of ``test_rows``.

    Where these are the rows that it was released on, they are the probabilities in its package.
    Else the rows are derived with the present specification, if that makes of the package's own
    dataset the very features in the package.

    Raises:
        ClinicalError: the rows are others, and the present specification derives otherwise.
    """
    return ChampionPredictions(
        version=kept.candidate.version,
        sha256=kept.candidate.onnx_sha256,
        probabilities=_probabilities(spec, kept, test_rows),
    )


def _probabilities(
    spec: ClinicalModel, kept: KeptModel, test_rows: pl.DataFrame
) -> NDArray[np.float64]:
    released_on = kept.predictions.select(spec.id_column).join(
        kept.dataset, on=spec.id_column, how="left", maintain_order="left"
    )
    if frame_digest(released_on.select(kept.dataset.columns)) == frame_digest(test_rows):
        return kept.predictions.get_column("probability").to_numpy()
    recipe, inputs = kept.candidate.recipe, kept.candidate.inputs
    if not _derives_alike(spec, kept):
        raise ClinicalError(
            "The champion cannot be compared: the test rows are not those that it was released "
            "on, and this specification derives its features otherwise",
            where=f"model {spec.name}, champion {kept.candidate.version}",
            repair="Change either the test rows or the features in one release, not both",
        )
    return OnnxModel(kept.onnx).probabilities(
        apply_recipe(derive_features(spec, test_rows), recipe, inputs)
    )


def _derives_alike(spec: ClinicalModel, kept: KeptModel) -> bool:
    """Whether the specification makes the package's features of the package's dataset."""
    try:
        made = apply_recipe(
            derive_features(spec, kept.dataset), kept.candidate.recipe, kept.candidate.inputs
        )
    except (ClinicalError, pl.exceptions.PolarsError):  # a column that it needs is not there
        return False
    return made.equals(kept.features.select(kept.candidate.inputs))
