"""Every gate of a model and the asset that it guards; a release needs all of them."""

GATES = {
    "dataset_contract": "dataset",
    "split_independence": "split",
    "features_contract": "features",
    "no_target_leakage": "features",
    "onnx_parity": "candidate",
    "protocol_unchanged": "evaluation",
    "performance": "evaluation",
    "calibration": "evaluation",
    "uncertainty": "evaluation",
    "subgroup_floor": "evaluation",
    "champion_regression": "evaluation",
    "card_complete": "model_card",
    "package_intact": "package",
    "reproducibility": "package",
}
