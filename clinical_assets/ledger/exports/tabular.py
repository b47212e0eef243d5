"""The entries as a table for spreadsheets (CSV, RFC 4180), one line an entry.

What a spreadsheet would take for a formula gets an apostrophe in front (CWE-1236), and so does
what begins with an apostrophe: so the first one, where there is one, never belongs to the value.
Invisible characters are escaped (:mod:`clinical_assets.visible`), so a value holds no line end.
"""

import re

from clinical_assets.ledger.exports.record import FIELDS, About, Form, Record, nothing_after
from clinical_assets.visible import visible

_FORMULA = re.compile(
    r"\s*[=+\-@'\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    r"\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)


def _line(values: list[str]) -> str:
    return ",".join(f'"{_cell(value)}"' for value in values) + "\r\n"


def _cell(value: str) -> str:
    text = visible(value, exact=True)
    return ("'" + text if _FORMULA.match(text) else text).replace('"', '""')


def _head(about: About) -> str:
    return _line(list(FIELDS))


def _row(about: About, record: Record) -> str:
    return _line(list(record.flat().values()))


CSV = Form(
    "csv/1", "entries.csv", "text/csv; charset=utf-8; header=present", _head, _row, nothing_after
)
