"""The whole evaluation of one candidate from tables and ONNX bytes.

Used by the asset and by the rebuild from a package, so that both run the same steps.
"""

import polars as pl

from clinical_assets.canonical import frame_digest
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.candidate import predict_rows
from clinical_assets.modelling.evaluation import ChampionPredictions, evaluate
from clinical_assets.modelling.features import rows_with_role
from clinical_assets.modelling.protocol import require_frozen
from clinical_assets.modelling.records import CandidateRecord, Evaluation, Protocol
from clinical_assets.modelling.references import reference_predictions
from clinical_assets.modelling.spec import ClinicalModel

PROTOCOL = "protocol_sha256"


def predict_test(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    onnx: bytes,
    protocol: Protocol,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    champion: ChampionPredictions | None,
) -> pl.DataFrame:
    """The candidate's probabilities on the test rows, and the champion's beside them.

    Columns: those of :func:`~clinical_assets.modelling.candidate.predict_rows`, the digest of the
    protocol under which the rows were read (``protocol_sha256``), then ``champion_probability``
    (Float64), ``champion_version`` and ``champion_sha256`` (String), null where there is no
    champion.

    Raises:
        ClinicalError: the protocol was frozen for another candidate or other rows.
    """
    require_frozen(protocol, candidate, dataset, split)
    rows = rows_with_role(dataset, split, spec.id_column, "test")
    predictions = predict_rows(spec, candidate, onnx, rows).with_columns(
        pl.lit(protocol.digest).alias(PROTOCOL)
    )
    if champion is None:
        return predictions.with_columns(
            pl.lit(None, pl.Float64).alias("champion_probability"),
            pl.lit(None, pl.String).alias("champion_version"),
            pl.lit(None, pl.String).alias("champion_sha256"),
        )
    return predictions.with_columns(
        pl.Series("champion_probability", champion.probabilities),
        pl.lit(champion.version).alias("champion_version"),
        pl.lit(champion.sha256).alias("champion_sha256"),
    )


def evaluate_candidate(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    onnx: bytes,
    protocol: Protocol,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    predictions: pl.DataFrame,
) -> Evaluation:
    """Everything measured on the test rows; ``predictions`` is of :func:`predict_test`.

    Raises:
        ClinicalError: the protocol was frozen for another candidate or other rows, or after the
            test rows were read.
    """
    require_frozen(protocol, candidate, dataset, split)
    if predictions.get_column(PROTOCOL).unique().to_list() != [protocol.digest]:
        raise ClinicalError(
            "The test rows were read under another protocol than the one that is frozen now",
            where=f"model {candidate.model}, candidate {candidate.version}",
            repair="Materialize the test predictions again; the card counts how often they were",
        )
    held_out = rows_with_role(dataset, split, spec.id_column, "calibration")
    return evaluate(
        spec,
        candidate_sha256=candidate.onnx_sha256,
        version=candidate.version,
        protocol_digest=protocol.digest,
        predictions_digest=frame_digest(predictions),
        predictions=predictions,
        calibration=predict_rows(spec, candidate, onnx, held_out),
        references=reference_predictions(spec, dataset, split),
        champion=champion_of(predictions),
    )


def champion_of(predictions: pl.DataFrame) -> ChampionPredictions | None:
    """The champion's probabilities in a table of :func:`predict_test`; None if it holds none."""
    if predictions["champion_probability"].null_count():
        return None
    return ChampionPredictions(
        version=predictions["champion_version"][0],
        sha256=predictions["champion_sha256"][0],
        probabilities=predictions["champion_probability"].to_numpy(),
    )
