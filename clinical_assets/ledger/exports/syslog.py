"""Syslog messages (RFC 5424) with structured data, one a line.

Facility 13 (log audit). The structured data hold every field, made visible
(:mod:`clinical_assets.visible`) and then escaped as section 6.3.3 demands. The enterprise number in
the names of the elements is 32473, which RFC 5612 keeps for examples: this project has none
registered. Lines are ended by a line feed (RFC 6587, section 3.4.2); how they are carried is for
whoever sends them.
"""

from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.exports.record import About, Form, Record, nothing_after, nothing_before
from clinical_assets.visible import visible

_FACILITY = 13
_SEVERITY = {"intended": 6, "done": 5, "failed": 4, "interrupted": 4, "refused": 4}
_ENTERPRISE = 32473


def _line(about: About, record: Record) -> str:
    flat = record.flat()
    action = flat["action"]
    known = ACTIONS.get(action)
    priority = _FACILITY * 8 + _SEVERITY[flat["outcome"]]
    element = " ".join(
        [
            f"entry@{_ENTERPRISE}",
            f'ledger="{_value(about.origin)}"',
            *(f'{k}="{_value(v)}"' for k, v in flat.items()),
            f'leaf="{record.leaf.hex()}"',
        ]
    )
    message = known.description if known else action
    return f"<{priority}>1 {flat['at']} - clinical-ledger - {action} [{element}] {message}\n"


def _value(text: str) -> str:
    return visible(text, exact=True).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


SYSLOG = Form(
    "syslog/1", "entries.syslog", "text/plain; charset=utf-8", nothing_before, _line, nothing_after
)
