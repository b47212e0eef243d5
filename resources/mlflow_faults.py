"""What MLflow and its database refuse, in words for people; and values as its filters take them."""

from collections.abc import Iterator
from contextlib import contextmanager

from clinical_assets.errors import ClinicalError


def quoted(value: str) -> str:
    """A value as MLflow's filters take it, which know no way to write a quotation mark.

    Raises:
        ClinicalError: the value holds one, so that it would be read as another filter.
    """
    if any(sign in value for sign in "'\"`\\"):
        raise ClinicalError(
            "A model's name or version holds a quotation mark or a backslash",
            where=repr(value),
            repair="Use letters, digits and _ . + - in names and versions",
        )
    return f"'{value}'"


@contextmanager
def storage_errors(place: str, *, passed: tuple[str, ...] = ()) -> Iterator[None]:
    """Turns a failing tracking store into one clear paragraph; MLflow's codes ``passed`` pass."""
    from alembic.util.exc import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, SQLAlchemyError, CommandError) as error:
        what, repair = _known_fault(error) or (
            f"The tracking store cannot be used: {type(error).__name__}",
            "Check that the disk is not full and that the folder or server can be written",
        )
        raise ClinicalError(what, where=place.split("@")[-1], repair=repair) from error
    except MlflowException as error:
        if error.error_code in passed:
            raise
        what, repair = _known_fault(error) or (
            f"The tracking store refused a request ({error.error_code})",
            "Check that the disk is not full, that the server answers and that its version"
            " matches the lock",
        )
        # MLflow's own words repeat the SQL statement with its values.
        raise ClinicalError(what, where=place.split("@")[-1], repair=repair) from None


def _known_fault(error: Exception) -> tuple[str, str] | None:
    """What went wrong and its repair, where the words of MLflow or its database tell."""
    said = str(error)
    if "database is locked" in said:
        return (
            "Another process keeps the tracking store's database locked",
            "Wait until it has ended (a backup or a database browser locks it too), then run again",
        )
    if "out-of-date database schema" in said or "Can't locate revision" in said:
        return (
            "The tracking store's database has the schema of another MLflow version",
            "If a newer version of this software wrote it, use that version; if an older one did,"
            " back the database up and run `mlflow db upgrade` on its address",
        )
    return None
