"""The 31 source attributes of ONC HTI-1 for predictive decision support, as an export profile.

45 CFR 170.315(b)(11)(iv)(B). The wording of the questions is ours and short. HTI-5 (proposed in
December 2025) would remove the requirement, so the table hangs on the card and the card does not
hang on it. An attribute without an answer is shown as "not answered", never left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.card import Answer, Basis, Results
from clinical_assets.evidence.metric_names import RATE_LABELS, metric_digits, metric_label
from clinical_assets.evidence.provenance import SourceFacts
from clinical_assets.evidence.wording import count, estimate_text, number, sentences
from clinical_assets.modelling.records import CandidateRecord
from clinical_assets.modelling.spec import ClinicalModel

LISTED_VARIABLES: dict[str, frozenset[str]] = {
    "race": frozenset({"race"}),
    "ethnicity": frozenset({"ethnicity", "ethnic"}),
    "language": frozenset({"language"}),
    "sexual orientation": frozenset({"orientation"}),
    "gender identity": frozenset({"gender"}),
    "sex": frozenset({"sex"}),
    "date of birth (or age)": frozenset({"birth", "age", "dob"}),
    "social determinants of health": frozenset(
        {"income", "education", "housing", "employment", "insurance", "postcode", "zip"}
    ),
    "health status assessments": frozenset({"phq", "gad", "gcs", "disability", "functional"}),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the questions are answered from."""

    spec: ClinicalModel
    candidate: CandidateRecord
    source: SourceFacts
    results: Results


Maker = Callable[[Facts], str]


def _none(_: Facts) -> str:
    return ""


def listed_variables(names: tuple[str, ...]) -> str:
    """Which of the listed personal variables the inputs' names point to, and which they do not.

    >>> listed_variables(("age_years", "glucose_mg_per_dl")).split(". ")[0]
    'By the names of the inputs: date of birth (or age) as age_years'
    """
    used, absent = [], []
    for variable, tokens in LISTED_VARIABLES.items():
        hits = [name for name in names if tokens & set(name.lower().split("_"))]
        if hits:
            used.append(f"{variable} as {', '.join(hits)}")
        else:
            absent.append(variable)
    found = f"By the names of the inputs: {'; '.join(used)}." if used else ""
    missing = f"No input is named after: {', '.join(absent)}." if absent else ""
    return f"{found} {missing}".strip()


def _validity(facts: Facts) -> str:
    wanted = ("auroc", "brier", "calibration_slope", "sensitivity", "specificity")
    rows = [(m, facts.results.metrics[m]) for m in wanted if m in facts.results.metrics]
    parts = [f"{metric_label(m)} {estimate_text(e, metric_digits(m))}" for m, e in rows]
    if not parts:
        return ""
    sizes = next((e for _, e in rows if e.n is not None), None)
    people = f" on {count(sizes.n)} people, {count(sizes.events)} events" if sizes else ""
    return "; ".join(parts) + people + ", with 95 % intervals."


def _fairness(facts: Facts) -> str:
    parts = [
        f"{gap.subgroup}, {RATE_LABELS.get(gap.measure, gap.measure)}: "
        f"largest difference {number(gap.difference)}"
        for gap in facts.results.fairness
        if gap.difference is not None
    ]
    return "; ".join(parts) + "." if parts else ""


def _fair_output(facts: Facts) -> str:
    if not facts.spec.subgroups:
        return ""
    groups = ", ".join(s.name for s in facts.spec.subgroups)
    acceptance = facts.spec.acceptance
    return (
        f"Performance is measured by {groups}. Each band with at least "
        f"{acceptance.subgroup_minimum_events} positives and negatives must reach "
        f"{metric_label(acceptance.subgroup_metric)} {number(acceptance.subgroup_floor, 2)}."
    )


def _monitoring(facts: Facts) -> str:
    return "; ".join(
        f"{m.metric}: {m.window}, threshold {m.threshold}" for m in facts.spec.monitoring
    )


def _update(facts: Facts) -> str:
    actions = dict.fromkeys(m.action for m in facts.spec.monitoring if m.action)
    return "; ".join(actions)


def _contact(facts: Facts) -> str:
    spec = facts.spec
    return ", ".join(part for part in (spec.developer, spec.contact) if part)


def _risks(facts: Facts) -> str:
    use = facts.spec.intended_use
    return sentences((*use.risks, *use.limitations))


@dataclass(frozen=True, slots=True)
class Question:
    """One attribute: its section, our short wording, and where an answer can come from."""

    section: str
    text: str
    basis: Basis
    answer: Maker


_USE = "Purpose"
_OUT = "Cautioned out-of-scope use"
_DEV = "Development details and input features"
_FAIR = "Fairness process"
_EXT = "External validation"
_QUANT = "Quantitative measures"
_KEEP = "Ongoing maintenance"
_UPDATE = "Update schedule"
_DETAILS = "Details and output"

QUESTIONS: tuple[Question, ...] = (
    Question(_DETAILS, "Developer and contact", "declared", _contact),
    Question(_DETAILS, "Source of funding", "declared", _none),
    Question(_DETAILS, "Value given as output", "declared", lambda f: f.spec.intended_use.output),
    Question(
        _DETAILS,
        "Type of output",
        "declared",
        lambda f: (
            "Prediction: a probability, and a classification at the threshold "
            f"{number(f.spec.operating_point.threshold, 2)}."
        ),
    ),
    Question(_USE, "Intended use", "declared", lambda f: f.spec.intended_use.statement),
    Question(_USE, "Intended patients", "declared", lambda f: f.spec.intended_use.population),
    Question(_USE, "Intended users", "declared", lambda f: f.spec.intended_use.users),
    Question(_USE, "Role in the decision", "declared", lambda f: f.spec.intended_use.decision),
    Question(
        _OUT,
        "Tasks, situations and populations to keep away from",
        "declared",
        lambda f: sentences(f.spec.intended_use.out_of_scope),
    ),
    Question(_OUT, "Known risks and limitations", "declared", _risks),
    Question(
        _DEV,
        "Inclusion and exclusion criteria of the training data",
        "declared",
        lambda f: f.source.collection,
    ),
    Question(
        _DEV,
        "Use of personal, social and health-status variables as inputs",
        "recorded",
        lambda f: listed_variables(f.candidate.inputs),
    ),
    Question(_DEV, "Demographic representativeness of the training data", "declared", _none),
    Question(_DEV, "Relevance of the training data to the place of use", "declared", _none),
    Question(_FAIR, "Approach to fair output", "declared", _fair_output),
    Question(
        _FAIR,
        "Approaches to manage bias",
        "declared",
        lambda f: sentences(f.spec.intended_use.ethical_considerations),
    ),
    Question(_EXT, "Source and setting of external data", "declared", _none),
    Question(_EXT, "Party that tested externally", "declared", _none),
    Question(_EXT, "Demographic representativeness of external data", "declared", _none),
    Question(_EXT, "Process of external validation", "declared", _none),
    Question(_QUANT, "Validity on internal test data", "recorded", _validity),
    Question(_QUANT, "Fairness on internal test data", "recorded", _fairness),
    Question(_QUANT, "Validity on external data", "declared", _none),
    Question(_QUANT, "Fairness on external data", "declared", _none),
    Question(_QUANT, "References to studies of outcomes", "declared", _none),
    Question(_KEEP, "Monitoring of validity: process and frequency", "declared", _monitoring),
    Question(_KEEP, "Validity in local data", "declared", _none),
    Question(_KEEP, "Monitoring of fairness: process and frequency", "declared", _none),
    Question(_KEEP, "Fairness in local data", "declared", _none),
    Question(_UPDATE, "Update: process and frequency", "declared", _none),
    Question(_UPDATE, "Correction when a risk is found", "declared", _update),
)


def source_attributes(
    spec: ClinicalModel,
    candidate: CandidateRecord,
    source: SourceFacts,
    results: Results,
    given: Mapping[str, str],
) -> tuple[Answer, ...]:
    """All 31 attributes in their order, with ids ``hti1-1`` … ``hti1-31``.

    ``given`` holds the developer's own answers by id.

    Raises:
        ClinicalError: an answer is given to a question that the records answer.
    """
    facts = Facts(spec, candidate, source, results)
    return tuple(
        answer(f"hti1-{index}", question, facts, given)
        for index, question in enumerate(QUESTIONS, start=1)
    )


def answer(identifier: str, question: Question, facts: Facts, given: Mapping[str, str]) -> Answer:
    """The answer of one question: recorded or declared text, else the given one, else none.

    Raises:
        ClinicalError: an answer is given to a question that the records answer.
    """
    text = question.answer(facts).strip()
    basis: Basis = question.basis
    if identifier in given:
        if text and basis == "recorded":
            raise ClinicalError(
                f"Question {identifier} is answered from the records and takes no typed answer",
                where=f"answers for model {facts.spec.name}",
                repair=f"Remove the answer to {identifier}",
            )
        text, basis = given[identifier].strip(), "declared"
    if not text:
        basis = "not answered"
    return Answer(identifier, question.section, question.text, text, basis)
