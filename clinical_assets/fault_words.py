"""What is said of a failed step or run.

A paragraph that is meant for people is passed on. Of an unforeseen error its kind and its place
in the code are told, never its text, which may quote a patient's value (HIP-06).
"""

import builtins
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from clinical_assets.errors import ClinicalError
from resources.settings import project_root

# How Python prints the exception that carries a paragraph for people.
_CLEAR = f"{ClinicalError.__module__}.{ClinicalError.__name__}: "
_FRAME = re.compile(r'File "([^"\n]+)", line (\d+)')
_INTERRUPTS = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError"})
_DATABASE = frozenset({"DatabaseError", "OperationalError", "InternalError", "IntegrityError"})


def words(data: Any, name: str) -> str:
    """The innermost message that is meant for people, else the kind and place of the error.

    Args:
        data: of the failure event of a step or of a run.
        name: of the step, or "the run".
    """
    described = getattr(data, "user_failure_data", None)
    if described is not None and described.description:
        return str(described.description)
    chain = list(_causes(data.error))
    for error in chain:
        before, marked, said = str(error.message).partition(_CLEAR)
        if marked and not before:
            return said.strip()
    kinds = [str(error.cls_name or "error") for error in chain]
    if _INTERRUPTS & set(kinds):
        return "The run was stopped."
    return _unforeseen(
        kinds,
        [error.stack for error in chain],
        name.replace("__", "/", 1),
        "`clinical up` shows the run with its whole message",
    )


def unforeseen(error: BaseException, name: str) -> str:
    """The same of an exception in hand.

    Args:
        name: of what it stopped.
    """
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__
    stacks = [traceback.format_tb(link.__traceback__) for link in chain]
    kinds = [type(link).__name__ for link in chain]
    return _unforeseen(kinds, stacks, name, "Run it again; if it stops again, report this line")


def _unforeseen(kinds: list[str], stacks: Sequence[Sequence[str]], name: str, repair: str) -> str:
    what = kinds[-1] if kinds else "no message"
    place = next((found for stack in reversed(stacks) if (found := _place(stack))), "")
    if any(_of_the_disk(kind) for kind in kinds):
        repair += "; check that the disk has free space and that the store can be written"
    return (
        f"{name} stopped with an error that was not foreseen "
        f"({what}{place and f' at {place}'}). {repair}."
    )


def _causes(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.cause


def _place(stack: Sequence[str]) -> str:
    """File and line of the innermost frame in the project's or the user's code."""
    for entry in reversed(stack):
        found = _FRAME.search(entry)
        if found is not None and (file := _own(Path(found[1]))):
            return f"{file} line {found[2]}"
    return ""


def _own(file: Path) -> str:
    """The file from its root on; empty for a file of a library or of Python."""
    paths = sysconfig.get_paths()
    libraries = [Path(paths[name]) for name in ("purelib", "platlib", "stdlib", "platstdlib")]
    if not file.is_absolute() or any(file.is_relative_to(folder) for folder in libraries):
        return ""
    for root in (project_root(), *(Path(entry or ".").resolve() for entry in sys.path)):
        if file.is_relative_to(root):
            return file.relative_to(root).as_posix()
    return file.name


def _of_the_disk(kind: str) -> bool:
    known = getattr(builtins, kind, None)
    return kind in _DATABASE or (isinstance(known, type) and issubclass(known, OSError))
