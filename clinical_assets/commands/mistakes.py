"""How every command says what a person can repair, and what nobody foresaw."""

import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, ParamSpec, TypeVar

import click

from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

_HOME = Path(__file__).parents[2]
_OURS = ("clinical_assets", "resources")
_PANIC = "PanicException"  # of polars: no Exception, so that it would pass every `except` here

P = ParamSpec("P")
R = TypeVar("R")


def say(error: object) -> None:
    """One red line on standard error; what would command the terminal is shown, not sent."""
    click.secho(visible(f"Error: {error}"), fg="red", err=True)


def ends_with(status: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a command end with this status where it fails, foreseen or not.

    Of a command whose status 1 means that something was found: 1 is what Python ends with where
    nobody caught an exception. A broken pipe and what click raises are left to the command line.
    """

    def around(callback: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(callback)
        def guarded(*arguments: P.args, **options: P.kwargs) -> R:
            try:
                with _quiet():
                    return callback(*arguments, **options)
            except (BrokenPipeError, click.ClickException, click.Abort, click.exceptions.Exit):
                raise
            except ClinicalError as error:
                _end(error, status)
            except Exception as error:
                _end(unforeseen(error), status)
            except BaseException as error:
                if type(error).__name__ != _PANIC:
                    raise
                _end(unforeseen(error), status)

        return guarded

    return around


def unforeseen(error: BaseException) -> ClinicalError:
    """What is to be said of an exception that nobody foresaw: its type and where in our own code it
    came up. Not its message, which may quote a patient's value."""
    return ClinicalError(
        f"The command failed in a way that nobody foresaw ({type(error).__name__})",
        where=_last_own(error.__traceback__),
        repair="Report this line to those who look after this software; no value of a table is in"
        " it",
    )


def demand_standard_output() -> None:
    """Refuses, before any work, a standard output that is closed.

    Raises:
        ClinicalError: it is closed, as by `>&-`.
    """
    if sys.stdout is None:
        raise _unprinted("standard output is closed")


@contextmanager
def printing() -> Iterator[None]:
    """Whatever is printed within has left this process at its end.

    Raises:
        ClinicalError: it cannot be printed, as where the disk is full.
    """
    demand_standard_output()
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # Python would try again at its end what is left, and change the status.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise _unprinted(error.strerror or type(error).__name__) from error


def _unprinted(why: str) -> ClinicalError:
    return ClinicalError(
        f"The result cannot be printed ({why})",
        repair="Make room or send it elsewhere; --json and --html write files",
    )


def _end(error: ClinicalError, status: int) -> NoReturn:
    with suppress(OSError):  # where standard error is full, too, the status is all that can be said
        say(error)
    raise SystemExit(status) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings are for those who write the code, unless Python is told by -W to show them."""
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield


def _last_own(traceback: TracebackType | None) -> str:
    """File and line of the innermost frame that is of our own code."""
    found = ""
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if file.is_relative_to(_HOME) and file.relative_to(_HOME).parts[0] in _OURS:
            found = f"{file.relative_to(_HOME).as_posix()}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
