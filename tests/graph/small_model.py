"""The diabetes model made small, so that a whole run takes seconds: for tests of whole runs.

Real components throughout: only the search space, the number of folds and of bootstrap replicates
are smaller, and the criteria are wide, so that a worse candidate fails at one gate alone. The specs
are module attributes because the reproducibility gate imports them in a fresh process.
"""

from dataclasses import replace

from clinical_assets.diabetes.spec import MODEL as DIABETES
from clinical_assets.modelling.spec import Criterion, Estimator, SelectionRule

ACCEPTANCE = replace(
    DIABETES.acceptance,
    criteria=(
        Criterion("discrimination", "auroc", "Better than chance", bound="lower", minimum=0.55),
        Criterion("overall error", "brier", "Below the prevalence's score", maximum=0.25),
        Criterion(
            "calibration intercept",
            "calibration_intercept",
            "Mean risk near the observed one",
            minimum=-0.6,
            maximum=0.6,
            group="calibration",
        ),
        Criterion(
            "coverage of prediction sets",
            "conformal_coverage",
            "Sets hold the truth as often as promised",
            minimum=0.8,
            group="uncertainty",
        ),
    ),
    subgroup_floor=0.5,
)

MODEL = replace(
    DIABETES,
    name="small",
    title="The diabetes model with a small search space",
    entry_point=f"{__name__}:MODEL",
    estimators=(Estimator("logistic", "logistic_regression", complexity=1, grid={"C": (0.1,)}),),
    selection=SelectionRule(folds=3, repeats=1),
    acceptance=ACCEPTANCE,
    references=DIABETES.references[-1:],
    bootstrap_replicates=200,
)

# A model of its own beside the first, for two runs at once in one store.
OTHER = replace(MODEL, name="other", entry_point=f"{__name__}:OTHER")

# One split of one variable: calibrated on average, and far worse at ranking.
STUMP = replace(
    MODEL,
    entry_point=f"{__name__}:STUMP",
    estimators=(
        Estimator(
            "stump",
            "gradient_boosting",
            complexity=1,
            grid={
                "learning_rate": (1.0,),
                "max_iter": (1.0,),
                "max_leaf_nodes": (2.0,),
                "min_samples_leaf": (15.0,),
                "l2_regularization": (0.0,),
            },
        ),
    ),
)

# Within the champion's margin: the same family with more shrinkage.
SECOND = replace(
    MODEL,
    entry_point=f"{__name__}:SECOND",
    estimators=(Estimator("logistic", "logistic_regression", complexity=1, grid={"C": (1.0,)}),),
)
