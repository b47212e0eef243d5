"""Units of clinical quantities that are taken for one another, with the factor between them.

A table, no code. Where a factor follows from a molar mass, the formula stands as the source and a
test computes it from the atomic weights (IUPAC 2021, abridged).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversion:
    """``second = first * factor + offset``.

    Attributes:
        quantity: what is measured.
        first, second: the two units.
        hints: what a column's name holds if it is this quantity; none for any quantity.
        source: where the factor comes from.
    """

    quantity: str
    first: str
    second: str
    factor: float
    hints: tuple[str, ...]
    source: str
    offset: float = 0.0


_SI = "SI prefixes"
_MERCURY = "mmHg = 133.322387415 Pa (NIST SP 811, 2008)"

CONVERSIONS: tuple[Conversion, ...] = (
    Conversion("glucose", "mmol/L", "mg/dL", 18.0156, ("glucose", "glu"), "C6H12O6"),
    Conversion("creatinine", "mg/dL", "µmol/L", 88.402, ("creatinine", "crea"), "C4H7N3O"),
    Conversion("bilirubin", "mg/dL", "µmol/L", 17.104, ("bilirubin", "bili"), "C33H36N4O6"),
    Conversion("lactate", "mmol/L", "mg/dL", 9.0078, ("lactate", "lactic"), "C3H6O3"),
    Conversion("urea", "mmol/L", "mg/dL", 6.0056, ("urea",), "CH4N2O"),
    Conversion("urea nitrogen", "mmol/L", "mg/dL", 2.8014, ("bun", "urea"), "N2"),
    Conversion("calcium", "mmol/L", "mg/dL", 4.0078, ("calcium", "ca"), "Ca"),
    Conversion("magnesium", "mmol/L", "mg/dL", 2.4305, ("magnesium", "mg"), "Mg"),
    Conversion("phosphate", "mmol/L", "mg/dL", 3.0974, ("phosphate", "phosphorus"), "P"),
    Conversion("urate", "mg/dL", "µmol/L", 59.485, ("urate", "uric"), "C5H4N4O3"),
    Conversion(
        "cholesterol", "mmol/L", "mg/dL", 38.665, ("cholesterol", "chol", "hdl", "ldl"), "C27H46O"
    ),
    Conversion("triglycerides", "mmol/L", "mg/dL", 88.545, ("triglyceride", "trig"), "C57H104O6"),
    Conversion("iron", "µmol/L", "µg/dL", 5.5845, ("iron", "ferrum"), "Fe"),
    Conversion("ammonia", "µmol/L", "µg/dL", 1.7031, ("ammonia",), "NH3"),
    Conversion("cortisol", "µg/dL", "nmol/L", 27.589, ("cortisol",), "C21H30O5"),
    Conversion("thyroxine", "µg/dL", "nmol/L", 12.872, ("thyroxine", "t4"), "C15H11I4NO4"),
    Conversion("vitamin D", "ng/mL", "nmol/L", 2.4959, ("vitamin_d", "25_oh"), "C27H44O2"),
    Conversion("testosterone", "ng/mL", "nmol/L", 3.4671, ("testosterone",), "C19H28O2"),
    Conversion(
        "haemoglobin",
        "g/dL",
        "mmol/L",
        0.6206,
        ("haemoglobin", "hemoglobin", "hgb", "hb"),
        "monomer, 16,114 g/mol (ICSH 1978)",
    ),
    Conversion("haemoglobin", "g/dL", "g/L", 10.0, ("haemoglobin", "hemoglobin", "hgb", "hb"), _SI),
    Conversion("albumin", "g/dL", "g/L", 10.0, ("albumin", "alb"), _SI),
    Conversion("protein", "g/dL", "g/L", 10.0, ("protein", "fibrinogen"), _SI),
    Conversion("C-reactive protein", "mg/dL", "mg/L", 10.0, ("crp", "reactive"), _SI),
    Conversion("troponin", "ng/mL", "ng/L", 1000.0, ("troponin",), _SI),
    Conversion(
        "enzyme activity",
        "µkat/L",
        "U/L",
        60.0,
        ("ast", "alt", "alp", "ldh", "ggt", "amylase", "lipase", "alkalinephos"),
        "katal = mol/s, U = µmol/min",
    ),
    Conversion(
        "glycated haemoglobin",
        "%",
        "mmol/mol",
        10.931,
        ("hba1c", "a1c"),
        "NGSP = 0.09148 IFCC + 2.152 (Hoelzel et al. 2004)",
        offset=-23.524,
    ),
    Conversion(
        "temperature", "°C", "°F", 1.8, ("temp", "temperature"), "definition of °F", offset=32.0
    ),
    Conversion(
        "temperature", "°C", "K", 1.0, ("temp", "temperature"), "definition of °C", offset=273.15
    ),
    Conversion(
        "pressure",
        "kPa",
        "mmHg",
        7.500615,
        ("pressure", "mmhg", "kpa", "paco2", "pao2", "pco2", "po2", "sbp", "dbp", "map", "etco2"),
        _MERCURY,
    ),
    Conversion(
        "pressure",
        "mmHg",
        "cmH2O",
        1.359510,
        ("pressure", "peep", "cvp", "cmh2o"),
        "cmH2O = 98.0665 Pa (NIST SP 811, 2008)",
    ),
    Conversion("weight", "kg", "lb", 2.204623, ("weight", "kg", "lb"), "lb = 0.45359237 kg (1959)"),
    Conversion("weight", "kg", "g", 1000.0, ("weight", "birthweight"), _SI),
    Conversion(
        "length", "in", "cm", 2.54, ("height", "length", "cm", "inch"), "in = 2.54 cm (1959)"
    ),
    Conversion("length", "m", "cm", 100.0, ("height", "length"), _SI),
    Conversion(
        "share",
        "fraction",
        "%",
        100.0,
        (
            *("fio2", "spo2", "sao2", "svo2", "scvo2", "sat", "o2sat", "saturation"),
            *("hct", "hematocrit", "haematocrit", "pct", "percent", "fraction"),
        ),
        "%",
    ),
    Conversion("cell count", "10⁹/L", "1/µL", 1000.0, ("wbc", "platelet", "cells"), _SI),
    Conversion("time", "h", "min", 60.0, ("hour", "minute", "duration", "time"), "h = 60 min"),
    Conversion("time", "d", "h", 24.0, ("day", "stay", "los", "duration", "time"), "d = 24 h"),
    Conversion("age", "years", "months", 12.0, ("age",), "year = 12 months"),
    Conversion("any quantity", "per L", "per dL", 10.0, (), "powers of ten"),
    Conversion("any quantity", "fraction", "%", 100.0, (), "powers of ten"),
    Conversion("any quantity", "unit", "thousandth of it", 1000.0, (), "powers of ten"),
)
