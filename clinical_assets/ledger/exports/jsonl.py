"""The entries themselves, one a line: the form that is verified.

Each line is an entry's exact canonical bytes. Canonical JSON holds no line feed, so one is the
end of a line and nothing else is (U+2028 is not).
"""

from clinical_assets.ledger.exports.record import About, Form, Record, nothing_after, nothing_before


def _line(about: About, record: Record) -> str:
    return record.body.decode() + "\n"


JSONL = Form(
    "jsonl/1", "entries.jsonl", "application/x-ndjson", nothing_before, _line, nothing_after
)
