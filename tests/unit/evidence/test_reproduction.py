"""The comparison of a package with its rebuild: which rule, what differs, what passes."""

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.canonical import frame_digest
from clinical_assets.evidence.numeric_comparison import compare_json, frame_difference
from clinical_assets.evidence.reproduction import (
    PACKAGED,
    REBUILT,
    Reproduction,
    Row,
    compare,
    platform_differences,
    python_difference,
)
from tests.unit.evidence.package_examples import (
    EVALUATION,
    PLATFORM,
    example_files,
    features,
    parquet,
    predictions,
)

FILES = example_files()
OTHER = {**PLATFORM, "machine": "aarch64", "instruction_sets": ["asimd"]}


@pytest.fixture
def rebuilt(tmp_path: Path) -> Path:
    """A faithful rebuild."""
    files = {name: FILES[kept] for name, kept in PACKAGED.items()}
    files["platform.json"] = FILES["environment/platform.json"]
    assert set(files) == set(REBUILT)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def elsewhere(rebuilt: Path) -> None:
    (rebuilt / "platform.json").write_text(json.dumps(OTHER))


def shift_predictions(rebuilt: Path, by: float) -> None:
    frame = predictions().with_columns(pl.col("probability") + by)
    (rebuilt / "test_predictions.parquet").write_bytes(parquet(frame))


def change_evaluation(rebuilt: Path, change: Callable[[dict[str, Any]], None]) -> None:
    plain = copy.deepcopy(EVALUATION)
    change(plain)
    (rebuilt / "evaluation.json").write_text(json.dumps(plain))


def failed(found: Reproduction) -> list[str]:
    return [row.what for row in found.rows if not row.passed]


def row(found: Reproduction, what: str) -> Row:
    (one,) = [row for row in found.rows if row.what == what]
    return one


def test_a_faithful_rebuild_is_identical(rebuilt: Path) -> None:
    found = compare(FILES, rebuilt)
    assert found.passed
    assert found.rule == "bit for bit"
    assert found.platform_differences == ()
    assert all(row.identical and row.tolerance is None for row in found.rows)
    assert [row.what for row in found.rows] == [
        "declaration",
        "dataset",
        "split",
        "features",
        "model (ONNX bytes)",
        "model (skops bytes)",
        "record of the candidate",
        "frozen protocol",
        "test predictions",
        "evaluation: auroc",
        "evaluation: ppv",
        "evaluation: calibration_curve",
        "evaluation: candidate_sha256",
        "evaluation: model",
        "evaluation: threshold",
    ]
    auroc = row(found, "evaluation: auroc")
    assert auroc.expected == auroc.got == "0.85"
    assert row(found, "test predictions").expected == frame_digest(predictions())
    verdict = found.verdict()
    assert verdict.passed
    assert verdict.measurements["failed"] == 0.0
    assert verdict.measurements["largest_difference"] == 0.0


def test_other_bytes_of_an_equal_table_are_equal(rebuilt: Path) -> None:
    """Parquet files are not byte-stable across versions of their writer; their content counts."""
    (rebuilt / "features.parquet").unlink()
    features().write_parquet(rebuilt / "features.parquet", compression="uncompressed")
    assert (rebuilt / "features.parquet").read_bytes() != FILES["data/features.parquet"]
    assert compare(FILES, rebuilt).passed


@pytest.mark.parametrize("name", [name for name in REBUILT if name != "platform.json"])
@pytest.mark.parametrize("fault", ["missing", "empty", "garbage"])
@pytest.mark.parametrize("other_platform", [False, True])
def test_a_missing_or_unreadable_file_fails(
    name: str, fault: str, other_platform: bool, rebuilt: Path
) -> None:
    if other_platform:
        elsewhere(rebuilt)
    if fault == "missing":
        (rebuilt / name).unlink()
    else:
        (rebuilt / name).write_bytes(b"" if fault == "empty" else b"\xff garbage")
    found = compare(FILES, rebuilt)
    weights = ("model.onnx", "model.skops", "candidate.json", "protocol.json")
    if other_platform and name in weights and fault == "garbage":
        return  # there what holds weights, or their digest, is judged by the test predictions
    assert not found.passed
    assert not found.verdict().passed


def test_an_empty_folder_and_empty_package_fail(tmp_path: Path) -> None:
    found = compare(FILES, tmp_path)
    assert not found.passed
    assert found.rule == "bit for bit"
    assert not compare({}, tmp_path).passed


def test_on_the_same_platform_the_last_bit_counts(rebuilt: Path) -> None:
    shift_predictions(rebuilt, 2.0**-53)
    found = compare(FILES, rebuilt)
    assert failed(found) == ["test predictions"]
    assert row(found, "test predictions").difference == 2.0**-53

    change_evaluation(
        rebuilt, lambda e: e["metrics"]["auroc"].update(value=math.nextafter(0.85, 1))
    )
    assert failed(compare(FILES, rebuilt)) == ["test predictions", "evaluation: auroc"]


@pytest.mark.parametrize(("shift", "passes"), [(9e-7, True), (2e-6, False)])
def test_elsewhere_predictions_have_a_tolerance(shift: float, passes: bool, rebuilt: Path) -> None:
    elsewhere(rebuilt)
    shift_predictions(rebuilt, shift)
    (rebuilt / "model.onnx").write_bytes(b"other bytes, same function")
    found = compare(FILES, rebuilt)
    assert found.rule == "tolerance"
    assert found.platform_differences
    assert found.passed is passes
    assert failed(found) == ([] if passes else ["model (ONNX bytes)", "test predictions"])
    assert row(found, "model (ONNX bytes)").note == "judged by the test predictions"
    assert not row(found, "model (ONNX bytes)").identical


@pytest.mark.parametrize(("shift", "passes"), [(9e-5, True), (2e-4, False)])
def test_elsewhere_metrics_have_a_tolerance(shift: float, passes: bool, rebuilt: Path) -> None:
    elsewhere(rebuilt)
    change_evaluation(rebuilt, lambda e: e["metrics"]["auroc"].update(lower=0.8 + shift))
    found = compare(FILES, rebuilt)
    assert failed(found) == ([] if passes else ["evaluation: auroc"])
    auroc = row(found, "evaluation: auroc")
    assert auroc.difference == pytest.approx(shift)
    assert auroc.tolerance == 1e-4


def test_elsewhere_digests_of_other_rows_are_left_out(rebuilt: Path) -> None:
    elsewhere(rebuilt)
    change_evaluation(rebuilt, lambda e: e.update(candidate_sha256="c" * 64))
    found = compare(FILES, rebuilt)
    assert found.passed
    assert "evaluation: candidate_sha256" not in [row.what for row in found.rows]


@pytest.mark.parametrize("gap", [1e-12, 1e-6])
def test_elsewhere_features_may_be_rounded_apart_but_the_dataset_may_not(
    gap: float, rebuilt: Path
) -> None:
    elsewhere(rebuilt)
    frame = features().with_columns(pl.col("glucose_mg_per_dl") + gap)
    (rebuilt / "features.parquet").write_bytes(parquet(frame))
    assert failed(compare(FILES, rebuilt)) == ([] if gap < 1e-9 else ["features"])
    (rebuilt / "dataset.parquet").write_bytes(parquet(frame))
    assert "dataset" in failed(compare(FILES, rebuilt))


STRUCTURAL: list[Callable[[dict[str, Any]], None]] = [
    lambda e: e["metrics"].pop("ppv"),
    lambda e: e["metrics"].update(npv={"value": 0.5}),
    lambda e: e["metrics"]["auroc"].update(value=None),
    lambda e: e["metrics"]["ppv"].update(value=0.5),
    lambda e: e["metrics"]["ppv"].update(reason="other"),
    lambda e: e["metrics"]["auroc"].update(value=True),
    lambda e: e["metrics"]["auroc"].update(value="0.85"),
    lambda e: e["metrics"]["auroc"].update(n=5),
    lambda e: e["calibration_curve"].append({"predicted": 0.5}),
    lambda e: e.update(calibration_curve=[]),
    lambda e: e.update(metrics={}),
    lambda e: e.update(model="other"),
    lambda e: e.pop("threshold"),
    lambda e: e.update(surplus=None),
    lambda e: e["metrics"]["auroc"].update(value=float("nan")),
    lambda e: e["metrics"]["auroc"].update(value=float("inf")),
]


@pytest.mark.parametrize("change", STRUCTURAL)
@pytest.mark.parametrize("other_platform", [False, True])
def test_no_tolerance_for_another_structure(
    change: Callable[[dict[str, Any]], None], other_platform: bool, rebuilt: Path
) -> None:
    if other_platform:
        elsewhere(rebuilt)
    change_evaluation(rebuilt, change)
    assert not compare(FILES, rebuilt).passed


@pytest.mark.parametrize(
    "frame",
    [
        predictions().head(3),
        predictions().rename({"probability": "p"}),
        predictions().with_columns(pl.col("row") + 1),
        predictions().with_columns(row=pl.lit("a")),
        predictions().with_columns(probability=pl.lit(None, pl.Float64)),
        predictions().with_columns(probability=pl.lit(float("nan"))),
        predictions().select("probability", "row"),
        predictions().clear(),
    ],
)
def test_no_tolerance_for_another_table(frame: pl.DataFrame, rebuilt: Path) -> None:
    elsewhere(rebuilt)
    (rebuilt / "test_predictions.parquet").write_bytes(parquet(frame))
    found = compare(FILES, rebuilt)
    assert "test predictions" in failed(found)
    assert row(found, "test predictions").note


def test_doubt_about_the_platform_never_loosens_the_rule(rebuilt: Path) -> None:
    for content in (None, "", "[]", "{}", "garbage"):
        (rebuilt / "platform.json").unlink(missing_ok=True)
        if content is not None:
            (rebuilt / "platform.json").write_text(content)
        assert compare(FILES, rebuilt).rule == "bit for bit"


def test_which_facts_count() -> None:
    assert platform_differences(PLATFORM, {**PLATFORM, "cpu_count": 64}) == ()
    assert platform_differences(PLATFORM, {**PLATFORM, "cpu_model": "Other", "kernel": "5"}) == ()
    counted = {
        "python_version": "3.12.1",
        "system": "Darwin",
        "libc": None,
        "machine": "aarch64",
        "instruction_sets": ["avx2"],
        "libraries": {"numpy": "2.5.0"},
        "arithmetic": [],
    }
    for key, value in counted.items():
        (difference,) = platform_differences(PLATFORM, {**PLATFORM, key: value})
        assert difference.startswith(key)
        assert platform_differences({**PLATFORM, key: value}, PLATFORM)
    (numpy,) = platform_differences(PLATFORM, {**PLATFORM, "libraries": {"numpy": "2.5.0"}})
    assert numpy == "libraries.numpy: 2.4.6 then, 2.5.0 here"


def test_python_difference() -> None:
    assert python_difference("3.11.7", "3.11.14") == ""
    assert "3.11.7" in python_difference("3.11.7", "3.13.0")
    assert python_difference("3.1.7", "3.11.0")


def test_the_verdict_names_what_failed(rebuilt: Path) -> None:
    (rebuilt / "model.onnx").write_bytes(b"other")
    verdict = compare(FILES, rebuilt).verdict()
    assert verdict.gate == "reproducibility"
    assert "model (ONNX bytes): differs" in verdict.summary
    assert verdict.measurements["failed"] == 1.0


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=8))
def test_frame_difference_is_the_largest_gap(pairs: list[tuple[float, float]]) -> None:
    before = pl.DataFrame({"x": [a for a, _ in pairs]}, schema={"x": pl.Float64})
    now = pl.DataFrame({"x": [b for _, b in pairs]}, schema={"x": pl.Float64})
    difference, note = frame_difference(before, now)
    assert difference == max(abs(a - b) for a, b in pairs)
    assert note == ""


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=8))
def test_json_difference_is_the_largest_gap(pairs: list[tuple[float, float]]) -> None:
    before = json.dumps({"curve": [{"x": a} for a, _ in pairs]}).encode()
    now = json.dumps({"curve": [{"x": b} for _, b in pairs]}).encode()
    (part,) = compare_json(before, now, exact=True).parts
    assert part.comparable
    assert part.difference == max(abs(a - b) for a, b in pairs)
    assert part.identical == (before == now or all(a == b for a, b in pairs))


@pytest.mark.parametrize("other", ["true", '"1"', "null", "[]", "{}", "[1]"])
def test_a_number_is_not_another_kind_of_value(other: str) -> None:
    (part,) = compare_json(b'{"x": 1}', b'{"x": %s}' % other.encode(), exact=False).parts
    assert not part.comparable
    assert not part.identical


def test_an_integer_equals_its_float() -> None:
    (part,) = compare_json(b'{"x": 1}', b'{"x": 1.0}', exact=True).parts
    assert part.identical


def test_missing_values_in_the_same_rows_are_equal() -> None:
    frame = pl.DataFrame({"x": [1.0, None, float("nan")]})
    assert frame_difference(frame, frame.with_columns(pl.col("x") + 0.5)) == (0.5, "")
