"""The declaration of the diabetes model: intended use, search space, criteria, subgroups.

Every limit below was fixed before a test row was read; the protocol asset freezes them by hash.
"""

from clinical_assets.diabetes.dataset import COLUMNS, read_ripley
from clinical_assets.diabetes.features import FEATURES, derive
from clinical_assets.modelling.approvals import Approval
from clinical_assets.modelling.spec import (
    AcceptanceCriteria,
    ClinicalModel,
    Criterion,
    Estimator,
    IntendedUse,
    Label,
    Monitor,
    OperatingPoint,
    Reference,
    SelectionRule,
    Subgroup,
)

_PREDICTORS = (
    "pregnancies_count",
    "glucose_mg_per_dl",
    "diastolic_bp_mmhg",
    "triceps_skinfold_mm",
    "bmi_kg_per_m2",
    "pedigree_score",
    "age_years",
)
_RIPLEY = (
    "Ripley BD. Pattern Recognition and Neural Networks. Cambridge University Press 1996; "
    "figures as in Venables & Ripley, Modern Applied Statistics with S"
)

INTENDED_USE = IntendedUse(
    statement=(
        "Estimates the probability that a woman would meet the World Health Organization's "
        "criteria for diabetes within five years, from seven measurements of one visit with a "
        "glucose tolerance test, to help decide who is offered closer follow-up. A worked example "
        "of an inspectable pipeline; not cleared for clinical use."
    ),
    population="Women aged 21 or older of Akimel O'odham (Pima) heritage near Phoenix, Arizona",
    users="Clinicians and diabetes nurses in primary care",
    setting="Outpatient visit at which a two-hour plasma glucose was measured",
    decision="Informs, and never replaces, the decision how soon to examine again",
    output="Probability between 0 and 1, a positive/negative flag, and a 90 % prediction set",
    out_of_scope=(
        "Men, girls and women under 21",
        "Other populations: the figures come from one community with a very high prevalence",
        "Diagnosis, or any decision about treatment",
        "Gestational diabetes and type 1 diabetes",
    ),
    risks=(
        "A false negative delays a diagnosis: whoever is not called positive is examined later",
        "A false positive leads to an unneeded examination and worry",
        "A glucose in mmol/L instead of mg/dL gives a probability far too low",
    ),
    limitations=(
        "632 women measured decades ago; equipment, diet and criteria have changed since",
        "Blood pressure, skinfold and BMI are missing for some training rows",
        "No site, date or identifier is published, so neither change over time nor repeated "
        "visits of one woman can be examined",
        "Tested on held-out rows of the same study, not on another hospital's patients",
    ),
    ethical_considerations=(
        "The community took part in research for decades and has voiced concern about reuse of "
        "its data beyond the purpose it agreed to",
        "Heritage is constant in the data: fairness between ethnic groups cannot be measured",
    ),
)

ACCEPTANCE = AcceptanceCriteria(
    criteria=(
        Criterion(
            "discrimination",
            "auroc",
            "Ranks better than glucose alone, whose area on the training rows is about 0.78",
            bound="lower",
            minimum=0.80,
        ),
        Criterion(
            "overall error",
            "brier",
            "Well below 0.225, the score of always answering with the training prevalence",
            maximum=0.16,
        ),
        Criterion(
            "sensitivity",
            "sensitivity",
            "A screening aid that misses more than three in ten is of no use",
            bound="lower",
            minimum=0.70,
        ),
        Criterion(
            "specificity",
            "specificity",
            "More than half of the healthy must be spared the test",
            bound="lower",
            minimum=0.55,
        ),
        Criterion(
            "clinical utility",
            "net_benefit",
            "Better than testing nobody at the chosen threshold, at the pessimistic end",
            bound="lower",
            minimum=0.0,
        ),
        Criterion(
            "calibration slope",
            "calibration_slope",
            "Predictions neither much too extreme (below 1) nor much too timid (above 1)",
            minimum=0.7,
            maximum=1.4,
            group="calibration",
        ),
        Criterion(
            "calibration intercept",
            "calibration_intercept",
            "Mean risk within about a quarter of the observed odds",
            minimum=-0.3,
            maximum=0.3,
            group="calibration",
        ),
        Criterion(
            "expected calibration error",
            "expected_calibration_error",
            "Stated and observed risk differ by less than ten points on average",
            maximum=0.10,
            group="calibration",
        ),
        Criterion(
            "coverage of prediction sets",
            "conformal_coverage",
            "Sets promised to hold the truth nine times in ten do so in the test",
            minimum=0.85,
            group="uncertainty",
        ),
    ),
    minimum_events=50,
    champion_metric="auroc",
    champion_margin=0.03,
    subgroup_metric="auroc",
    subgroup_floor=0.65,
    subgroup_minimum_events=11,
)

MODEL = ClinicalModel(
    name="diabetes",
    version="1.0.0",
    title="Five-year diabetes risk in the Pima figures",
    owner="clinical-ml@example.org",
    developer="The clinical-assets maintainers",
    contact="clinical-ml@example.org",
    license="Apache-2.0",
    citation=_RIPLEY,
    source="pima-ripley",
    entry_point="clinical_assets.diabetes.spec:MODEL",
    read=read_ripley,
    derive=derive,
    id_column="patient_id",
    partition_column="partition",
    columns=COLUMNS,
    features=FEATURES,
    label=Label(
        column="diabetes",
        positive="diabetes",
        negative="no diabetes",
        reference_standard=(
            "Two-hour plasma glucose of at least 200 mg/dL in a glucose tolerance test within "
            "five years of the visit (WHO criteria), or diagnosis in routine care (Smith et al. "
            "1988)"
        ),
    ),
    intended_use=INTENDED_USE,
    estimators=(
        Estimator(
            "logistic regression",
            "logistic_regression",
            complexity=1,
            grid={"C": (0.01, 0.03, 0.1, 0.3, 1.0, 10.0)},
        ),
        Estimator(
            "linear discriminant",
            "linear_discriminant",
            complexity=2,
            grid={"shrinkage": (0.0, 0.1, 0.3, 0.6)},
        ),
        Estimator(
            "gradient boosting",
            "gradient_boosting",
            complexity=3,
            grid={
                "learning_rate": (0.03, 0.1),
                "max_iter": (60.0,),
                "max_leaf_nodes": (3.0, 6.0),
                "min_samples_leaf": (15.0,),
                "l2_regularization": (1.0,),
            },
        ),
    ),
    selection=SelectionRule(metric="log_loss", rule="one_standard_error", folds=5, repeats=4),
    operating_point=OperatingPoint(
        threshold=0.30,
        rationale=(
            "A missed diabetes is taken to weigh 7:3 against an unneeded early examination, "
            "hence a threshold of 3/(3+7) (Vickers & Elkin 2006)"
        ),
    ),
    acceptance=ACCEPTANCE,
    subgroups=(
        Subgroup("age", "age_years", (30.0, 40.0), ("21–29 years", "30–39 years", "40 or more")),
        Subgroup(
            "BMI", "bmi_kg_per_m2", (30.0, 35.0), ("under 30 kg/m²", "30–34.9 kg/m²", "35 or more")
        ),
        Subgroup("parity", "pregnancies_count", (1.0, 4.0), ("no pregnancy", "1–3", "4 or more")),
    ),
    references=(
        Reference(
            "logistic regression, 200 complete rows",
            "logistic_regression",
            columns=_PREDICTORS,
            rows="complete",
            published_errors=66,
            citation=_RIPLEY,
        ),
        Reference(
            "linear discriminant, 200 complete rows",
            "linear_discriminant",
            columns=_PREDICTORS,
            rows="complete",
            published_errors=67,
            citation=_RIPLEY,
        ),
        Reference(
            "logistic regression, all 300 rows",
            "logistic_regression",
            columns=_PREDICTORS,
            rows="all",
            baseline=True,
        ),
    ),
    approvals=(
        Approval("clinical review", "clinical reviewer", "review"),
        Approval("ethics review", "ethics board", "review"),
        Approval("quality approval", "quality", "approval"),
    ),
    monitoring=(
        Monitor(
            "population stability index of each input",
            "week",
            "0.2, three weeks of four",
            "on-call monitor",
            "examine the cause; report within five working days",
        ),
        Monitor(
            "AUROC and calibration slope on confirmed outcomes",
            "quarter",
            "AUROC below 0.80 or slope outside 0.7–1.4",
            "model owner",
            "suspend, then decide about retraining through the same gates",
        ),
        Monitor(
            "share of missing inputs",
            "day",
            "twice the share in training",
            "on-call monitor",
            "check the interface to the record system",
        ),
    ),
)
