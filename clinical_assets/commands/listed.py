"""Names that a person lists in one option."""

import csv


def listed_names(text: str) -> tuple[str, ...]:
    """Names separated by commas; one that holds a comma stands in double quotes.

    >>> listed_names('lactate, "a,b",')
    ('lactate', 'a,b')
    """
    fields = next(csv.reader([text], skipinitialspace=True), [])
    return tuple(name for field in fields if (name := field.strip()))
