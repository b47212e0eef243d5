"""The one exception for a mistake that a person can repair.

A :class:`ClinicalError` says what went wrong, where, and how to repair it, in one paragraph.
Every entry point prints it without a traceback. It never holds a patient's value, an identifier
or a secret: columns, row numbers, counts and digests only (HIP-06, design trap 5).
"""


class ClinicalError(Exception):
    """A user's mistake or a fault of the surroundings, with its repair.

    Args:
        what: what went wrong, as a sentence without a full stop.
        where: file, column, row or asset concerned; empty where there is none.
        repair: what the reader can do about it, as a sentence.
    """

    def __init__(self, what: str, *, where: str = "", repair: str) -> None:
        self.what = what.rstrip(".")
        self.where = where
        self.repair = repair.rstrip(".")
        place = f" ({where})" if where else ""
        super().__init__(f"{self.what}{place}. {self.repair}.")
