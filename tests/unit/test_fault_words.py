"""What is said of unforeseen errors: kind and place, never their text."""

import sqlite3
import sys
from types import SimpleNamespace

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from clinical_assets.errors import ClinicalError
from clinical_assets.fault_words import words

SECRET = "Mrs-Canary-4711"


def said_of(act) -> str:
    """The words for what ``act`` raises, as a failed step would carry it."""
    try:
        try:
            act()
        except Exception as error:
            raise RuntimeError("a step failed") from error
    except RuntimeError:
        found = serializable_error_info_from_exc_info(sys.exc_info())
    return words(SimpleNamespace(error=found), "small__features")


def fails(error: Exception):
    def act() -> None:
        raise error

    return act


def test_an_unforeseen_error_is_told_by_kind_and_place() -> None:
    said = said_of(fails(KeyError(SECRET)))
    assert said.startswith("small/features stopped with an error that was not foreseen (KeyError")
    assert " at tests/unit/test_fault_words.py line " in said
    assert SECRET not in said
    assert "disk" not in said
    assert "lock" not in said


def test_the_place_is_in_our_code_and_not_in_a_library() -> None:
    def act() -> None:
        import json

        json.loads("{" + SECRET)

    said = said_of(act)
    assert "(JSONDecodeError at tests/unit/test_fault_words.py line " in said
    assert SECRET not in said


@pytest.mark.parametrize("error", [OSError(28, "x"), PermissionError(13, "x")])
def test_the_disk_is_named_where_it_may_be_the_cause(error: Exception) -> None:
    assert "check that the disk has free space" in said_of(fails(error))
    assert "check that the disk has free space" in said_of(fails(sqlite3.OperationalError("full")))


def test_a_paragraph_for_people_is_passed_on() -> None:
    error = ClinicalError("The file is empty", where="a.csv", repair="Get it again")
    assert said_of(fails(error)) == "The file is empty (a.csv). Get it again."


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "DagsterExecutionInterruptedError"])
def test_a_stopped_run_is_no_unforeseen_error(kind: str) -> None:
    error = SimpleNamespace(message=kind, cls_name=kind, stack=[], cause=None)
    assert words(SimpleNamespace(error=error), "small__features") == "The run was stopped."


def test_an_error_without_a_stack_is_told_by_kind() -> None:
    nothing = SimpleNamespace(error=None)
    assert "(no message)" in words(nothing, "the run")
