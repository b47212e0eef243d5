"""What a database or its disk raises, in words for people.

The driver's own words may quote values, so PostgreSQL's are not shown; its SQLSTATE says as much.
"""

import errno
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

_KEEP = "Keep the database as it is for the investigation, and put back the last good backup"
_RESTORE = f"{_KEEP} (`clinical backup restore FOLDER --replace`)"
_ACCESS = (
    "Give the database's file and its folder to the user who runs this, readable and writable; is"
    " the disk mounted read-only?"
)
_SPACE = "Free space on the disk that holds the database, then try again"
_DISK = "Look at the disk: it failed to read or write, which the system's log says more about"
_SERVER = "Check CLINICAL_LEDGER_URL, and that the database answers, then try again"
# What to do, by what the driver says (SQLite's words, which are fixed; SQLSTATE, class or code).
_REPAIRS = {
    "malformed": f"The database is damaged. {_RESTORE}",
    "file is not a database": f"The database is damaged. {_RESTORE}",
    "no such table": f"A table was removed, and trying again does not help. {_RESTORE}",
    "no such column": f"A table was changed, and trying again does not help. {_RESTORE}",
    "unable to open": _ACCESS,
    "readonly": _ACCESS,
    "disk is full": _SPACE,
    "disk i/o": _DISK,
    "locked": "Another process holds the database: wait until it ends, then try again",
    "append-only": "Nothing repairs this: what is written stays. Look for who tried to change it",
    "forgets nobody": "Nothing repairs this: no account is deleted. Look for who tried",
}
_STATE_REPAIRS = {
    "25006": "Connect to the server that takes writes, not to a copy that is only read",
    "28": "Check user and password in CLINICAL_LEDGER_URL",
    "3D": "Make the database, or name another in CLINICAL_LEDGER_URL",
    "42501": "Let the database's owner run `clinical ledger prepare --writer …`",
    "42P01": f"A table was removed, or another schema is meant. {_KEEP}",
    "53": "Give the server disk, memory or connections, then try again",
    "58": "Look at the server's disk: it failed to read or write",
}
_ERRNO_REPAIRS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.EROFS: _ACCESS,
    errno.EIO: _DISK,
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
        repair=_repair(error),
    )


def _repair(error: BaseException) -> str:
    """What is to be done about just this fault, as far as the driver tells it."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return _repair(error.orig)
    if isinstance(error, SqliteError):
        said = str(error).lower()
        known = next((repair for part, repair in _REPAIRS.items() if part in said), "")
        return known or "Try again; if it fails again, report this line"
    if isinstance(error, OSError):
        return _ERRNO_REPAIRS.get(error.errno or 0, _DISK)
    if _is_psycopg2(error):
        state = str(getattr(error, "pgcode", None) or "")
        return _STATE_REPAIRS.get(state) or _STATE_REPAIRS.get(state[:2]) or _SERVER
    return _SERVER


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
