"""What a released model's later data are held against: profiles of what it was made of.

What belongs here: which rows and columns. What does not: profiles
(:mod:`clinical_assets.drift.profiles`). They lie in the package, so that whoever monitors the model
years later needs neither its data nor this installation (GML-10).
"""

import polars as pl

from clinical_assets.drift.profiles import profile
from clinical_assets.modelling.spec import ClinicalModel

INPUTS = "monitoring/inputs.profile"
PREDICTIONS = "monitoring/predictions.profile"


def reference_profiles(
    spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame, predictions: pl.DataFrame
) -> dict[str, bytes]:
    """Profile files by their path in the package.

    Args:
        dataset: every row as the source gives it; those of the test set are left out.
        split: the role of each row.
        predictions: probabilities and labels of the test set, which no training saw.

    Returns:
        :data:`INPUTS`, of the columns before any feature is derived, with the label; and
        :data:`PREDICTIONS`, of probability and label.
    """
    identifying = {spec.id_column, spec.partition_column}
    columns = [column.name for column in spec.columns if column.name not in identifying]
    learnt = dataset.join(split, on=spec.id_column).filter(pl.col("role") != "test")
    return {
        INPUTS: profile(learnt.select(columns)).to_bytes(),
        PREDICTIONS: profile(predictions.select("probability", spec.label.column)).to_bytes(),
    }
