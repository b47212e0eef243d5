"""The table of conversions, computed again from atomic weights."""

import re

import pytest

from clinical_assets.drift.diagnosis.conversions import CONVERSIONS
from clinical_assets.drift.diagnosis.units import named

WEIGHTS = {  # IUPAC 2021, abridged
    "H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "P": 30.974, "Mg": 24.305, "Ca": 40.078,
    "Fe": 55.845, "I": 126.90,
}  # fmt: skip
PREFIX = {"m": 1e-3, "µ": 1e-6, "n": 1e-9, "": 1.0}


def amount(unit):
    """Moles (or grams) in a litre that one of the unit is."""
    prefix, kind, volume = re.fullmatch(r"([mµn]?)(mol|g)/(L|dL|mL)", unit).groups()
    return PREFIX[prefix] / {"L": 1.0, "dL": 0.1, "mL": 1e-3}[volume], kind


@pytest.mark.parametrize(
    "row", [r for r in CONVERSIONS if re.fullmatch(r"([A-Z][a-z]?\d*)+", r.source)]
)
def test_factors_follow_from_the_molar_mass(row):
    parts = re.findall(r"([A-Z][a-z]?)(\d*)", row.source)
    mass = sum(WEIGHTS[element] * int(number or 1) for element, number in parts)
    (first, kind), (second, other) = amount(row.first), amount(row.second)
    grams = first * (mass if kind == "mol" else 1)
    assert {kind, other} == {"mol", "g"}
    assert row.factor == pytest.approx(grams / second / (mass if other == "mol" else 1), rel=2e-4)


def test_every_row_says_where_it_comes_from():
    assert all(row.source and row.quantity and row.factor > 0 for row in CONVERSIONS)
    assert len({(row.quantity, row.first, row.second) for row in CONVERSIONS}) == len(CONVERSIONS)


@pytest.mark.parametrize(
    ("name", "quantities"),
    [
        ("FiO2", {"share"}),
        ("SpO2", {"share"}),
        ("SaO2_percent", {"share"}),
        ("O2Sat", {"share"}),
        ("PaO2", {"pressure"}),
        ("pO2", {"pressure"}),
        ("EtCO2", {"pressure"}),
        ("HbA1c", {"glycated haemoglobin"}),
        ("Hb", {"haemoglobin"}),
        ("MeanHb", {"haemoglobin"}),
        ("SerumCa", {"calcium"}),
        ("BodyTemp", {"temperature"}),
        ("TroponinI", {"troponin"}),
        ("hr", set()),
        ("Alteration", set()),
    ],
)
def test_a_name_speaks_for_its_quantity_and_no_other(name, quantities):
    assert {row.quantity for row in CONVERSIONS if named(name, row)} == quantities
