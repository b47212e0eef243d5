"""The questions of a datasheet for a data set, with stable ids.

After Gebru et al. 2021, "Datasheets for Datasets" (Communications of the ACM 64(12)): the seven
sections and their questions in their order. The wording is ours and short; the closing "other
comments" question of each section is left out. Ids never change their meaning: a question that
falls away keeps its id unused.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatasheetQuestion:
    """One question: its id, its section, and our wording."""

    id: str
    section: str
    text: str


_BY_SECTION: dict[str, tuple[str, tuple[str, ...]]] = {
    "Motivation": (
        "motivation",
        (
            "For what purpose was the data set made?",
            "Who made it, and for whom?",
            "Who paid for it?",
        ),
    ),
    "Composition": (
        "composition",
        (
            "What does one row stand for?",
            "How many rows are there?",
            "Is it all there is, or a sample, and of what?",
            "What does each row hold?",
            "Is there a label or target, and what is it?",
            "Is anything missing from rows?",
            "Are rows related to one another, and is that stated?",
            "Are there recommended splits?",
            "Are there errors, noise or duplicates?",
            "Is it self-contained, or does it depend on outside resources?",
            "Does it hold confidential data?",
            "Could its content offend or cause anxiety?",
            "Does it tell groups of people apart, and how large are they?",
            "Can individuals be identified?",
            "Does it hold sensitive data?",
        ),
    ),
    "Collection": (
        "collection",
        (
            "How was the data of each row obtained?",
            "With which instruments or procedures was it collected?",
            "If it is a sample, how was it drawn?",
            "Who collected it, and how were they paid?",
            "Over what time was it collected?",
            "Was there an ethical review?",
            "Was it obtained from the people themselves or from others?",
            "Were the people told of the collection?",
            "Did the people consent to collection and use?",
            "Can consent be withdrawn, and how?",
            "Was the effect on the people analysed?",
        ),
    ),
    "Preprocessing": (
        "preprocessing",
        (
            "What was cleaned, transformed or labelled?",
            "Is the raw data kept?",
            "Is the software that did it available?",
        ),
    ),
    "Uses": (
        "uses",
        (
            "For what has it been used already?",
            "Where are its uses listed?",
            "For what else could it be used?",
            "What in its making may affect later uses?",
            "For what should it not be used?",
        ),
    ),
    "Distribution": (
        "distribution",
        (
            "Is it given to third parties?",
            "How is it distributed?",
            "When is it distributed?",
            "Under which licence or terms?",
            "Do third parties hold rights in it?",
            "Do export controls or other rules apply?",
        ),
    ),
    "Maintenance": (
        "maintenance",
        (
            "Who maintains it?",
            "How can they be reached?",
            "Is there a list of errors?",
            "Will it be updated, by whom and how often?",
            "Are there limits on how long it may be kept?",
            "Are older versions kept?",
            "Can others extend it, and how?",
        ),
    ),
}

QUESTIONS: tuple[DatasheetQuestion, ...] = tuple(
    DatasheetQuestion(f"{prefix}-{number}", section, text)
    for section, (prefix, texts) in _BY_SECTION.items()
    for number, text in enumerate(texts, start=1)
)
