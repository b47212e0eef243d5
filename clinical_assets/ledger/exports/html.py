"""The audit trail as one self-contained HTML page for people: no script, no outside resource.

It shows every field of every entry, old and new values among them, and a signature with the three
things that make it one: printed name, date and time with zone, meaning (P11-02, P11-14). Jinja2
escapes every text; invisible characters are shown as escapes (:mod:`clinical_assets.visible`).
"""

from functools import cache, partial
from typing import Any

from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.exports.record import About, Form, Record, compact
from clinical_assets.visible import visible


def _head(about: About) -> str:
    return str(_template().head(about))


def _row(about: About, record: Record) -> str:
    entry = record.entry
    known = ACTIONS.get(entry["action"])
    details = [(n, _shown(value)) for n, value in sorted(entry["details"].items())]
    return str(
        _template().entry(
            record.flat(),
            description=known.description if known else "",
            details=details,
            signed=dict(details) if _is_signature(entry) else None,
            leaf=record.leaf.hex(),
        )
    )


def _foot(about: About, count: int) -> str:
    return str(_template().foot(about, count))


def _is_signature(entry: dict[str, Any]) -> bool:
    """Whether the entry says that a record is signed, and not only that it was to be."""
    return bool(entry["action"] == "signature.given" and entry["outcome"] == "done")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else compact(value, plain_ascii=False)


@cache
def _template() -> Any:
    """The macros of the template."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("clinical_assets.ledger.exports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = partial(visible, exact=True)
    environment.filters["clock"] = _clock
    return environment.get_template("audit_trail_1.html.j2").module


def _clock(at: str) -> str:
    """An entry's time as people write it, with its zone."""
    return at.replace("T", " ").removesuffix("Z") + " UTC"


HTML = Form("html/1", "audit_trail.html", "text/html; charset=utf-8", _head, _row, _foot)
