"""Records of people: what is accepted, what follows from trainings."""

from datetime import date

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.people.person import Person, Training, check, folded
from tests.unit.people.examples import anna

SERVICE = Person("worker-1", "service", "Worker", "active", ("service",))


def course(name: str, expires: date) -> Training:
    return Training(name, date(2026, 1, 1), expires)


def refusal(person: Person) -> str:
    """What stands against the record; empty where nothing does."""
    try:
        check(person)
    except ClinicalError as error:
        return error.what
    return ""


@pytest.mark.parametrize(
    "person",
    [
        anna(),
        anna(id="a.example@hospital.org", name="Zoë Müller-O’Hara 李"),
        anna(roles=()),
        anna(roles=("author", "quality")),
        SERVICE,
    ],
)
def test_good_records(person: Person) -> None:
    assert refusal(person) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "Anna"}, "an id has"),
        ({"id": "a"}, "an id has"),
        ({"id": ""}, "an id has"),
        ({"id": "аnna"}, "an id has"),  # a Cyrillic letter that looks Latin
        ({"id": "an na"}, "an id has"),
        ({"id": "a" * 65}, "an id has"),
        ({"id": "ledger"}, "reserved"),
        ({"name": ""}, "printed name"),
        ({"name": " Anna"}, "printed name"),
        ({"name": "Anna\nQuality"}, "printed name"),
        ({"name": "Anna\N{RIGHT-TO-LEFT OVERRIDE}x"}, "printed name"),
        ({"roles": ("boss",)}, "there is no role boss"),
        ({"roles": ("service",)}, "not for people"),
        ({"roles": ("administrator", "quality")}, "an administrator signs nothing"),
        ({"enrolment": None}, "proof of identity"),
        ({"trainings": (Training("", date(2026, 1, 1), date(2027, 1, 1)),)}, "a training"),
        ({"trainings": (Training("x", date(2026, 1, 2), date(2026, 1, 1)),)}, "a training"),
    ],
)
def test_bad_records(changes: dict, words: str) -> None:
    with pytest.raises(ClinicalError, match=words):
        check(anna(**changes))


def test_a_service_has_its_role_only() -> None:
    with pytest.raises(ClinicalError, match="a service has the role service"):
        check(Person("worker-1", "service", "Worker", "active", ("service", "quality")))


@pytest.mark.parametrize("typed", ["Anna", " anna ", "ANNA", "anna\n"])
def test_ids_are_case_folded(typed: str) -> None:
    assert folded(typed) == "anna"


def test_trained_until_is_the_first_expiry_of_the_newest_of_each_course() -> None:
    assert anna().trained_until is None
    both = (course("gcp", date(2026, 6, 1)), course("law", date(2027, 6, 1)))
    assert anna(trainings=both).trained_until == date(2026, 6, 1)
    again = (*both, course("gcp", date(2028, 6, 1)))
    assert anna(trainings=again).trained_until == date(2027, 6, 1)
