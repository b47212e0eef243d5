"""Which terms of a declaration the frozen protocol covers."""

from dataclasses import fields, replace

import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.protocol import protocol_digest
from clinical_assets.modelling.spec import ClinicalModel, OperatingPoint, SelectionRule

FROZEN = {
    "acceptance": replace(MODEL.acceptance, minimum_events=20),
    "operating_point": OperatingPoint(0.2, MODEL.operating_point.rationale),
    "subgroups": MODEL.subgroups[:1],
    "references": MODEL.references[:1],
    "label": replace(MODEL.label, reference_standard="diagnosis in routine care"),
    "seed": MODEL.seed + 1,
    "bootstrap_replicates": 100,
    "conformal_confidence": 0.8,
    "partition_column": None,
    "test_fraction": 0.3,
    "calibration_fraction": 0.1,
}
FREE = {
    "name": "other",
    "version": "1.0.1",
    "title": "Another title",
    "owner": "other@example.org",
    "developer": "Others",
    "contact": "other@example.org",
    "license": "MIT",
    "citation": "Another",
    "source": "other",
    "read": MODEL.derive,
    "derive": MODEL.read,
    "id_column": "partition",
    "columns": MODEL.columns[::-1],
    "features": MODEL.features[1:],
    "intended_use": replace(MODEL.intended_use, statement="Another statement"),
    "estimators": MODEL.estimators[:1],
    "selection": SelectionRule(folds=3),
    "approvals": MODEL.approvals[::2],
    "distinct_signers": False,
    "authors": ("p-0001",),
    "monitoring": (),
    "entry_point": "",
}


def test_every_term_of_a_declaration_is_either_frozen_or_free() -> None:
    assert sorted([*FROZEN, *FREE]) == sorted(field.name for field in fields(ClinicalModel))


@pytest.mark.parametrize("term", FROZEN)
def test_a_frozen_term_cannot_change_without_the_digest(term: str) -> None:
    assert protocol_digest(replace(MODEL, **{term: FROZEN[term]})) != protocol_digest(MODEL)


@pytest.mark.parametrize("term", FREE)
def test_a_free_term_leaves_the_digest_as_it_is(term: str) -> None:
    changed = replace(MODEL, **{term: FREE[term]})
    assert changed.digest != MODEL.digest
    assert protocol_digest(changed) == protocol_digest(MODEL)
