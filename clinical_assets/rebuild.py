"""Trains and evaluates again from a model package alone: ``python -m clinical_assets.rebuild``.

Run by the reproducibility gate in a fresh process, and by ``clinical package reproduce`` in a
fresh environment with the package's own source. Reads nothing but the package folder and writes
what can be compared with it.
"""

import argparse
import json
import sys
from pathlib import Path

import polars as pl

from clinical_assets.canonical import canonical_json
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.contents import parquet_bytes
from clinical_assets.modelling.assess import champion_of, evaluate_candidate, predict_test
from clinical_assets.modelling.candidate import train_candidate
from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
from clinical_assets.modelling.own_code import derive_features, read_dataset
from clinical_assets.modelling.protocol import freeze
from clinical_assets.modelling.split import split_manifest
from clinical_assets.models import load_spec

# Exit status when standard error holds one paragraph for people and nothing else.
CLEAR_REFUSAL = 3


def rebuild(package: Path, output: Path) -> None:
    """Writes the files of :data:`clinical_assets.evidence.reproduction.REBUILT` into ``output``.

    The dataset is read again from the raw files in the package, split, derived, trained on and
    evaluated; only the champion's probabilities, an input of the comparison, are taken as kept.

    Raises:
        ClinicalError: the package names no spec that can be imported.
    """
    spec = load_spec(json.loads((package / "manifest.json").read_text())["entry_point"])
    raw = {file.name: file.read_bytes() for file in sorted((package / "data/raw").iterdir())}

    dataset = read_dataset(spec, raw)
    split = split_manifest(spec, dataset)
    training = rows_with_role(dataset, split, spec.id_column, "train")
    recipe = fit_recipe(spec, derive_features(spec, training))
    features = feature_table(spec, dataset, split, recipe)
    candidate = train_candidate(spec, features, recipe)
    protocol = freeze(spec, candidate.record, dataset, split)
    champion = champion_of(pl.read_parquet(package / "evaluation/test_predictions.parquet"))
    predictions = predict_test(
        spec, candidate.record, candidate.onnx, protocol, dataset, split, champion
    )
    evaluation = evaluate_candidate(
        spec,
        candidate.record,
        candidate.onnx,
        protocol,
        dataset,
        split,
        predictions,
    )
    made = {
        "spec.json": canonical_json(spec.to_plain()),
        "dataset.parquet": parquet_bytes(dataset),
        "split.parquet": parquet_bytes(split),
        "features.parquet": parquet_bytes(features),
        "candidate.json": canonical_json(candidate.record),
        "model.onnx": candidate.onnx,
        "model.skops": candidate.skops,
        "protocol.json": canonical_json(protocol),
        "test_predictions.parquet": parquet_bytes(predictions),
        "evaluation.json": canonical_json(evaluation),
    }
    output.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        (output / name).write_bytes(data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train and evaluate again from a package.")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        rebuild(arguments.package, arguments.output)
    except ClinicalError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CLEAR_REFUSAL)
