"""Files that a person asks a command to write: whole or not at all, and never over what was read.

What belongs here: checking such a path before work begins, and writing to it. What does not: the
stores of the platform (:mod:`.blobs`), which never replace a file.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from clinical_assets.errors import ClinicalError


def check_output(path: Path, inputs: Sequence[str] = ()) -> None:
    """Refuses a path that cannot be written to, or that is one of the inputs.

    Raises:
        ClinicalError: with what is wrong.
    """
    target = path.resolve()
    for name in inputs:
        given = Path(name).resolve()
        if (
            target == given
            or (given.is_dir() and target.is_relative_to(given))
            or _same(path, name)
        ):
            raise ClinicalError(
                "The output would overwrite an input",
                where=str(path),
                repair="Name another file for the output",
            )
    if target.is_dir():
        raise _unwritable(path, "it is a folder")
    if not target.parent.is_dir():
        raise _unwritable(path, "its folder does not exist")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise _unwritable(path, "no right to write there")


def write_output(path: Path, content: str | bytes) -> None:
    """Writes a text or bytes under a temporary name beside its own, which it is then given.

    What is no ordinary file, such as a pipe or a device, is written to directly.

    Raises:
        ClinicalError: it cannot be written; what stood there before stands there still.
    """
    target = path.resolve()
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error.strerror or type(error).__name__) from None


def _same(path: Path, name: str) -> bool:
    try:
        return path.samefile(name)
    except OSError:
        return False


def _unwritable(path: Path, why: str) -> ClinicalError:
    return ClinicalError(
        f"The output cannot be written ({why})",
        where=str(path),
        repair="Name a file in a folder that you may write to",
    )
