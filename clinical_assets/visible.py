"""Text that cannot break what it stands in, nor pretend to the eye to be another.

What belongs here: making control characters, line ends, direction marks and other invisible
characters visible, so that no value begins a new line, a new record or a terminal's command
(CWE-117), or shows in another order than it is stored (Unicode Technical Report 36; CVE-2021-42574
is the attack). What does not: what each form escapes for its own syntax. The characters are a fixed
list, so that no new version of Unicode changes the bytes of an export; the escapes are JSON's.
"""

import re

_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff"
)
_SPACES = r"\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_EDGES = r"\A | \Z"
_SHOWN = re.compile(f"[{_HIDDEN}]")
_EXACT = re.compile(rf"[\\{_HIDDEN}]|{_EDGES}")
_SPACED = re.compile(rf"[\\{_HIDDEN}{_SPACES}]|{_EDGES}")


def visible(text: str, *, exact: bool = False, spaces: bool = False) -> str:
    r"""The text with invisible characters as JSON escapes.

    Joiners (U+200C, U+200D) stay: names in several scripts are not written without them. Without
    ``exact`` the result is for the eye, and may be made visible again without changing.

    Args:
        text: any text; lone surrogates are written out, too, so that the result can be encoded.
        exact: whether the value has to come back exactly: backslashes are doubled and a space at
            either end is escaped; double the quotes' backslash and read it as a JSON string.
        spaces: whether spaces other than the common one are escaped, too; implies ``exact``.

    >>> visible("a\nb\x1b[31m \\ \u202e")
    'a\\nb\\u001b[31m \\ \\u202e'
    >>> visible("a\nb \\ \u202e", exact=True)
    'a\\nb \\\\ \\u202e'
    """
    return (_SPACED if spaces else _EXACT if exact else _SHOWN).sub(_escape, text)


def visible_name(name: str) -> str:
    """A column's name for the eye; in quotes where nothing of it could be seen.

    >>> visible_name("age"), visible_name(""), visible_name(" ")
    ('age', '""', '" "')
    """
    return visible(name) if name.strip() else f'"{visible(name)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
