"""What a database or its disk raises, in words for people.

The driver's own words may quote values, so PostgreSQL's are not shown; its SQLSTATE says as much.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Error as SqliteError

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from clinical_assets.errors import ClinicalError

_STATES = {  # classes and codes of SQLSTATE (PostgreSQL, appendix A)
    "08": "the connection failed",
    "28": "the database refuses the user or the password",
    "3D": "there is no such database",
    "53": "the server is out of disk, memory or connections",
    "57": "the server was shut down or cancelled the statement",
    "58": "the server's disk failed",
    "42501": "this user has not the right",
    "42P01": "a table of the ledger is missing",
    "55P03": "another writer held the ledger for a minute",
    "25006": "the database is read-only",
    "P0001": "the ledger is append-only",
}


@contextmanager
def database_faults(place: str, what: str = "The ledger") -> Iterator[None]:
    """Raises as :class:`ClinicalError` what a database or its disk raised in the block.

    Args:
        place: where the database is, for the message.
        what: whose it is.
    """
    try:
        yield
    except (SQLAlchemyError, SqliteError, OSError) as error:
        raise refused(error, place, what) from error
    except Exception as error:
        if not _is_psycopg2(error):
            raise
        raise refused(error, place, what) from error


def refused(error: BaseException, place: str, what: str = "The ledger") -> ClinicalError:
    """The fault in words."""
    return ClinicalError(
        f"{what} cannot be written or read ({' '.join(_words(error).split())}),"
        " so nothing may happen",
        where=place,
        repair="Check that the disk has free space and that the database answers, then try again",
    )


def unknown(place: str) -> ClinicalError:
    """Said to those whose append was under way when the one who wrote for them was interrupted."""
    return ClinicalError(
        "Writing into the ledger was interrupted while it was being committed, so it is not known"
        " whether this act was written",
        where=place,
        repair="The act must not happen; `clinical ledger tail` shows what was written",
    )


def is_database_fault(error: BaseException) -> bool:
    """Whether a database raised it, through SQLAlchemy or not."""
    return isinstance(error, (SQLAlchemyError, SqliteError)) or _is_psycopg2(error)


def _words(error: BaseException) -> str:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return _words(error.orig)
    if isinstance(error, SqliteError):  # names tables and conditions, never values
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if _is_psycopg2(error):
        state = str(getattr(error, "pgcode", None) or "")
        known = _STATES.get(state) or _STATES.get(state[:2])
        return known or (f"SQLSTATE {state}" if state else "the database does not answer")
    return type(error).__name__


def _is_psycopg2(error: BaseException) -> bool:
    """Told without importing it, because whoever has SQLite needs it not."""
    return any(kind.__module__.partition(".")[0] == "psycopg2" for kind in type(error).__mro__)
