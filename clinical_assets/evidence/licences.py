"""Licence names: from a package's own metadata to SPDX where that is certain.

The caller reads the metadata; this module only decides which of its fields speaks. An ambiguous
name ("BSD") stays as it is: guessing a clause count would be worse than saying what is written.
"""

from collections.abc import Sequence

_ALIASES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
}
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST_NAME = 80


def licence_of_metadata(expression: str, licence: str, classifiers: Sequence[str]) -> str:
    """The licence of a package from its core metadata; empty where it states none.

    Args:
        expression: field ``License-Expression`` (an SPDX expression).
        licence: field ``License``, which may hold a name or a whole licence text.
        classifiers: field ``Classifier``, every value.

    >>> licence_of_metadata("", "Copyright 2015 …", ["License :: OSI Approved :: MIT License"])
    'MIT'
    """
    if expression.strip():
        return expression.strip()
    lines = [line.strip() for line in licence.strip().splitlines() if line.strip()]
    # A whole licence text, or its copyright line, is no name.
    if len(lines) == 1 and len(lines[0]) <= _LONGEST_NAME and "copyright" not in lines[0].lower():
        return alias(lines[0])
    named = [c.removeprefix(_CLASSIFIER) for c in classifiers if c.startswith(_CLASSIFIER)]
    if named:
        return " OR ".join(alias(name) for name in named)
    return alias(lines[0])[:_LONGEST_NAME] if lines else ""


def alias(name: str) -> str:
    """The SPDX id of a well-known plain name; other names unchanged.

    >>> alias("Apache License, Version 2.0"), alias("BSD")
    ('Apache-2.0', 'BSD')
    """
    return _ALIASES.get(" ".join(name.split()).lower(), name)
