"""The datasheet of a data set: measured statistics and the register's facts, as one record.

Questions after Gebru et al. 2021 (:mod:`.datasheet_questions`). An answer is recorded (measured
from the rows, or read), declared (in the spec, the source register or by hand), or "not
answered", which is shown and counted (AID-01). Markdown, HTML and JSON are rendered from the one
record.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from clinical_assets.canonical import frame_digest
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.card import Answer
from clinical_assets.evidence.datasheet_answers import datasheet_answers
from clinical_assets.evidence.datasheet_statistics import (
    ROLES,
    BandCount,
    ColumnSummary,
    SplitCounts,
    band_counts,
    column_summaries,
    split_counts,
)
from clinical_assets.evidence.provenance import SourceFacts
from clinical_assets.modelling.records import Role
from clinical_assets.modelling.spec import ClinicalModel, Column, Label

DATASHEET_SCHEMA = "clinical-datasheet/1"


@dataclass(frozen=True, slots=True)
class Datasheet:
    """The whole datasheet.

    Attributes:
        model: name of the spec whose data set this is.
        dataset_digest, split_digest: frame digests of the rows and of the split.
        unanswered: number of questions without an answer.
    """

    schema: str
    model: str
    version: str
    title: str
    source: SourceFacts
    columns: tuple[Column, ...]
    label: Label
    dataset_digest: str
    split_digest: str
    splits: tuple[SplitCounts, ...]
    summaries: tuple[ColumnSummary, ...]
    bands: tuple[BandCount, ...]
    answers: tuple[Answer, ...]
    unanswered: int


def build_datasheet(
    spec: ClinicalModel,
    source: SourceFacts,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    *,
    answers: Mapping[str, str] | None = None,
) -> Datasheet:
    """The datasheet of one data set and its split.

    Args:
        dataset: one row a patient record, with the columns of ``spec.columns``.
        split: columns ``spec.id_column`` and ``role`` (train, calibration, test), one row for
            each row of ``dataset``.
        answers: answers by question id (``motivation-1`` …) that cannot be measured.

    Raises:
        ClinicalError: a column is missing, the split does not cover the rows exactly once, or
            ``answers`` names an unknown or measured question.
    """
    parts = _parts(spec, dataset, split)
    splits = split_counts(spec, parts)
    found = datasheet_answers(spec, source, dataset, splits, dict(answers or {}))
    return Datasheet(
        schema=DATASHEET_SCHEMA,
        model=spec.name,
        version=spec.version,
        title=source.title,
        source=source,
        columns=spec.columns,
        label=spec.label,
        dataset_digest=frame_digest(dataset),
        split_digest=frame_digest(split),
        splits=tuple(splits),
        summaries=tuple(column_summaries(spec, parts)),
        bands=tuple(band_counts(spec, parts)),
        answers=found,
        unanswered=sum(not a.text for a in found),
    )


def _parts(
    spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame
) -> dict[Role, pl.DataFrame]:
    """The rows of each role, in the order of :data:`ROLES`."""
    lacking = [c.name for c in spec.columns if c.name not in dataset.columns]
    lacking += [f"split.{c}" for c in (spec.id_column, "role") if c not in split.columns]
    if lacking:
        raise ClinicalError(
            f"No datasheet can be made: column {', '.join(lacking)} is missing",
            where=f"data set of model {spec.name}",
            repair="Materialize dataset and split again",
        )
    known = split.filter(pl.col("role").is_in(ROLES)).select(spec.id_column, "role")
    joined = dataset.join(known, on=spec.id_column, how="inner", maintain_order="left")
    if not joined.height == dataset.height == split.height == known.height or not joined.height:
        raise ClinicalError(
            f"No datasheet can be made: the split holds {split.height} rows, "
            f"{joined.height} of them with a known role and a row in the data set, "
            f"and the data set holds {dataset.height} rows",
            where=f"data set of model {spec.name}",
            repair="Materialize split again from this data set",
        )
    return {role: joined.filter(pl.col("role") == role) for role in ROLES}
