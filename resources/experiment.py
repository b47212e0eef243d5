"""The name of the one MLflow experiment that all candidates of all models are tracked in."""

EXPERIMENT = "clinical-assets"
