"""Faults put into categories, and what is named first."""

import json

import numpy as np
import pytest

from clinical_assets.drift.diagnosis import diagnose_levels
from tests.unit.drift.diagnosis.exact import Levels

KNOWN = frozenset({"MICU", "SICU", "Ward 3", "ED"})


def wards(seed, shares=(0.4, 0.3, 0.2, 0.1), n=2000):
    rng = np.random.default_rng(seed)
    return rng.choice(["MICU", "SICU", "Ward 3", "ED"], n, p=shares).tolist()


FAULTS = {
    "label_style": lambda v: [w.lower().replace(" ", "_") for w in v],
    "renamed_level": lambda v: ["Acute" if w == "SICU" else w for w in v],
    "new_level": lambda v: ["COVID" if i % 5 == 0 else w for i, w in enumerate(v)],
    "vanished_level": lambda v: [w for w in v if w != "SICU"],
    "missing": lambda v: [None if i % 5 == 0 else w for i, w in enumerate(v)],
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("seed", range(5))
def test_the_fault_put_in_is_named_first(fault, seed):
    before, after = Levels(wards(seed)), Levels(FAULTS[fault](wards(seed + 9)), KNOWN)
    found = diagnose_levels(before, after)
    assert found[0].kind == fault
    assert json.dumps([cause.to_dict() for cause in found], allow_nan=False)


def test_what_came_beside_renamed_levels_is_still_told():
    before = Levels(wards(1))
    coded = [f"code {ward}" for ward in wards(2)]
    assert [c.kind for c in diagnose_levels(before, Levels(coded, KNOWN))] == ["renamed_level"]
    more = ["COVID" if i % 15 == 0 else code for i, code in enumerate(coded)]
    told = {c.kind: c.sentence for c in diagnose_levels(before, Levels(more, KNOWN))}
    assert next(iter(told)) == "renamed_level"
    assert told["new_level"].endswith("the reference does not have: 'COVID'")


def test_another_site_s_only_level_is_no_renamed_one():
    found = diagnose_levels(Levels(["A"] * 900), Levels(["B"] * 900, frozenset("A")))
    assert [cause.kind for cause in found] == ["new_level", "vanished_level"]


def test_other_proportions():
    found = diagnose_levels(Levels(wards(1)), Levels(wards(2, (0.1, 0.3, 0.2, 0.4)), KNOWN))
    assert found[0].kind == "level_mix"


def test_nothing_changed_and_nothing_is_said():
    spoke = [s for s in range(60) if diagnose_levels(Levels(wards(s)), Levels(wards(s + 99)))]
    assert len(spoke) <= 1


@pytest.mark.parametrize("before", [[], [None] * 5, ["a"]])
@pytest.mark.parametrize("after", [[], [None] * 5, ["b"] * 900, ["", "\0other"]])
def test_hostile_columns(before, after):
    found = diagnose_levels(Levels(before), Levels(after))
    assert json.dumps([cause.to_dict() for cause in found], allow_nan=False)
