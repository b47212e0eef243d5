"""The CycloneDX forms hold to the strict schema, and the check would notice if they did not."""

import json
from typing import Any

import pytest

from clinical_assets.canonical import canonical_json
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.card_cyclonedx import card_cyclonedx
from clinical_assets.evidence.cyclonedx import check_strict, licenses
from clinical_assets.evidence.licences import licence_of_metadata
from tests.unit.evidence import examples


def bom(**changes: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(card_cyclonedx(examples.card(**changes)))
    return parsed


def model_card(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = bom(**changes)["metadata"]["component"]["modelCard"]
    return found


@pytest.mark.parametrize("champion", [True, False])
def test_the_card_passes_the_strict_validator(champion: bool) -> None:
    measured = examples.evaluation(champion=champion)
    check_strict(card_cyclonedx(examples.card(measured=measured)), "model_card.cdx.json")


def test_an_empty_card_still_passes_the_strict_validator() -> None:
    empty = examples.blank(examples.card())
    check_strict(card_cyclonedx(empty), "model_card.cdx.json")


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("metadata", "component", "modelCard"),
        ("metadata", "component", "modelCard", "quantitativeAnalysis", "performanceMetrics", 0),
        ("metadata", "component", "modelCard", "considerations"),
    ],
)
def test_an_unknown_key_is_rejected_with_its_place(place: tuple[str | int, ...]) -> None:
    document = bom()
    target: Any = document
    for step in place:
        target = target[step]
    target["invented"] = "value"
    with pytest.raises(ClinicalError, match="not a valid CycloneDX") as caught:
        check_strict(canonical_json(document), "model_card.cdx.json")
    assert ("/".join(map(str, place)) or "top level") in str(caught.value)


def test_metrics_carry_slice_interval_and_suppression() -> None:
    metrics = model_card()["quantitativeAnalysis"]["performanceMetrics"]
    overall = next(m for m in metrics if m["type"] == "auroc" and "slice" not in m)
    assert overall["value"] == "0.8391"
    assert overall["confidenceInterval"] == {"lowerBound": "0.7951", "upperBound": "0.8812"}
    hidden = next(m for m in metrics if m.get("slice") == "age: 60+" and m["type"] == "auroc")
    assert hidden == {"type": "auroc", "slice": "age: 60+", "value": "suppressed (n<11)"}
    undefined = next(m for m in metrics if m["type"] == "net_benefit")
    assert undefined["value"] == "not computed: no one was flagged"
    assert any(m["type"] == "auroc_difference" for m in metrics)


def test_considerations_datasets_and_signatures_are_there() -> None:
    card = model_card()
    considerations = card["considerations"]
    assert considerations["technicalLimitations"][0] == "One community, recorded before 1988."
    assert considerations["ethicalConsiderations"][0]["name"].startswith("The community")
    assert {f["groupAtRisk"] for f in considerations["fairnessAssessments"]} == {
        "bands of age",
        "bands of bmi",
    }
    assert len(card["modelParameters"]["datasets"]) == 2
    properties = {p["name"]: p["value"] for p in card["properties"]}
    told = properties["clinical:signature:quality (review, quality approval)"]
    assert told == "demanded; given later, see the approval record"
    assert properties["clinical:criterion:brier"] == "met"


def test_the_serial_number_follows_the_content_and_no_time_is_written() -> None:
    first, again = bom(), bom()
    assert first == again
    assert first["serialNumber"].startswith("urn:uuid:")
    assert first["serialNumber"][23] == "5"  # version nibble of a UUIDv5
    assert bom(unsealings=2)["serialNumber"] != first["serialNumber"]
    assert "timestamp" not in first["metadata"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("MIT", [{"license": {"id": "MIT"}}]),
        ("mit", [{"license": {"id": "MIT"}}]),
        ("Apache License 2.0", [{"license": {"id": "Apache-2.0"}}]),
        ("MIT OR Apache-2.0", [{"expression": "MIT OR Apache-2.0"}]),
        ("public figures", [{"license": {"name": "public figures"}}]),
        ("BSD", [{"license": {"name": "BSD"}}]),
        ("  ", []),
    ],
)
def test_licences_are_ids_expressions_or_names(text: str, written: list[Any]) -> None:
    assert licenses(text) == written


@pytest.mark.parametrize(
    ("expression", "licence", "classifiers", "found"),
    [
        ("MIT", "Apache", [], "MIT"),
        ("", "Apache 2.0", [], "Apache-2.0"),
        ("", "Copyright 2020\nAll rights…", ["License :: OSI Approved :: MIT License"], "MIT"),
        ("", "", ["Programming Language :: Python", "License :: OSI Approved"], ""),
        ("", "First line\nsecond", [], "First line"),
        ("", "", [], ""),
    ],
)
def test_the_licence_of_a_package_is_the_clearest_statement(
    expression: str, licence: str, classifiers: list[str], found: str
) -> None:
    assert licence_of_metadata(expression, licence, classifiers) == found
