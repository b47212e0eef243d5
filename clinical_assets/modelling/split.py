"""Which row serves for training, for calibration and for the test.

The test set is the published one where there is one; calibration rows are drawn from the training
part, stratified by the label. The draw ranks rows by SHA-256 of seed, purpose and identifier, so
it depends on no library's random generator and not on the order of rows (GML-04).
"""

import polars as pl

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import ClinicalModel

ROLES = ("train", "calibration", "test")


def split_manifest(spec: ClinicalModel, dataset: pl.DataFrame) -> pl.DataFrame:
    """The role of every row: columns ``spec.id_column`` and ``role``, in dataset order.

    Raises:
        ClinicalError: the partition column holds something else than ``train`` and ``test``, or
            a role would stay empty.
    """
    if spec.partition_column is None:
        test = _draw(spec, dataset, "test", spec.test_fraction)
    else:
        published = dataset.get_column(spec.partition_column)
        if not published.is_in(["train", "test"]).all():
            raise ClinicalError(
                f"Column {spec.partition_column!r} holds something else than train or test",
                where=f"dataset of model {spec.name}",
                repair="Correct the reader of the source so that each row is one or the other",
            )
        test = dataset.filter(published == "test").get_column(spec.id_column)
    remaining = dataset.filter(~pl.col(spec.id_column).is_in(test.implode()))
    calibration = _draw(spec, remaining, "calibration", spec.calibration_fraction)
    identifier = pl.col(spec.id_column)
    manifest = dataset.select(
        identifier,
        pl.when(identifier.is_in(test.implode()))
        .then(pl.lit("test"))
        .when(identifier.is_in(calibration.implode()))
        .then(pl.lit("calibration"))
        .otherwise(pl.lit("train"))
        .alias("role"),
    )
    empty = [role for role in ROLES if role not in set(manifest["role"])]
    if empty:
        raise ClinicalError(
            f"The split leaves no rows for {', '.join(empty)}",
            where=f"model {spec.name}, {dataset.height} rows",
            repair="Give more rows, or change the fractions in the spec",
        )
    return manifest


def _draw(spec: ClinicalModel, rows: pl.DataFrame, purpose: str, fraction: float) -> pl.Series:
    """Identifiers of a stratified share of ``rows``, ranked by hash within each class."""
    chosen: list[str] = []
    for _, group in sorted(rows.group_by(spec.label.column), key=lambda item: str(item[0])):
        ranked = sorted(
            group[spec.id_column].cast(pl.String).to_list(),
            key=lambda identifier: sha256(f"{spec.seed}:{purpose}:{identifier}".encode()),
        )
        chosen += ranked[: round(fraction * len(ranked))]
    return pl.Series(spec.id_column, chosen, dtype=pl.String)
