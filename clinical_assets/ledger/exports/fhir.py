"""FHIR R4 AuditEvent resources, one JSON object a line (NDJSON), for clinical audit repositories.

A FHIR string holds no control character and is not empty; so values are made visible
(:mod:`clinical_assets.visible`), other spaces too, and empty ones are left out. What AuditEvent has
no element for stands in the details of the entity under the entry's own name for it. No code system
is claimed for the project's own codes, because none is registered.
"""

from typing import Any

from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.exports.record import (
    About,
    Form,
    Record,
    compact,
    nothing_after,
    nothing_before,
)
from clinical_assets.ledger.exports.verbs import verb_of
from clinical_assets.visible import visible

_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_APPLICATION = ("110100", "Application Activity")
_TYPES = {
    "login": ("110114", "User Authentication"),
    "logout": ("110114", "User Authentication"),
    "user": ("110113", "Security Alert"),
    "key": ("110113", "Security Alert"),
    "ledger.exported": ("110106", "Export"),
    "package.exported": ("110106", "Export"),
}
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"
_ACTIONS = {"create": "C", "read": "R", "update": "U", "delete": "D", "execute": "E"}
_OUTCOMES = {"intended": "0", "done": "0", "refused": "4", "failed": "8", "interrupted": "8"}
_DETAILS = (
    "seq",
    "act",
    "actor.method",
    "subject.version",
    "subject.sha256",
    "details",
    "origin.run",
    "origin.asset",
    "origin.partition",
    "software",
)


def audit_event(about: About, record: Record) -> dict[str, Any]:
    """The AuditEvent of an entry, as plain JSON values."""
    flat = {name: visible(value, spaces=True) for name, value in record.flat().items()}
    action = record.entry["action"]
    known = ACTIONS.get(action)
    code, display = _TYPES.get(action) or _TYPES.get(action.partition(".")[0]) or _APPLICATION
    agents = [
        _given(
            type={"text": flat["actor.kind"]},
            who=_who(flat["actor.id"]),
            name=flat["actor.name"],
            requestor=True,
        )
    ]
    if flat["actor.on_behalf_of"]:
        agents.append({"who": _who(flat["actor.on_behalf_of"]), "requestor": False})
    details = [{"type": n, "valueString": flat[n]} for n in _DETAILS if flat[n]]
    details.append({"type": "leaf", "valueString": record.leaf.hex()})
    purpose = [{"text": flat["reason"]}] if flat["reason"] else None
    return _given(
        resourceType="AuditEvent",
        id=f"ledger-entry-{flat['seq']}",
        type={"system": _DICOM, "code": code, "display": display},
        subtype=[_given(code=action, display=known.description if known else None)],
        action=_ACTIONS[verb_of(action)],
        recorded=flat["at"],
        outcome=_OUTCOMES[flat["outcome"]],
        outcomeDesc=flat["outcome"],
        purposeOfEvent=purpose,
        agent=agents,
        source={
            "observer": _who(visible(about.origin, spaces=True)),
            "type": [{"system": _SOURCE, "code": "4", "display": "Application Server"}],
        },
        entity=[
            _given(
                what=_who(flat["subject.id"]),
                type={"system": _ENTITY, "code": "2", "display": "System Object"},
                name=flat["subject.id"],
                description=flat["subject.kind"],
                detail=details,
            )
        ],
    )


def _who(identifier: str) -> dict[str, Any] | None:
    return {"identifier": {"value": identifier}} if identifier else None


def _given(**elements: Any) -> dict[str, Any]:
    """The elements that are there: FHIR has no empty ones."""
    return {name: value for name, value in elements.items() if value not in (None, "")}


def _line(about: About, record: Record) -> str:
    return compact(audit_event(about, record)) + "\n"


FHIR = Form(
    "fhir-r4/1", "fhir.ndjson", "application/fhir+ndjson", nothing_before, _line, nothing_after
)
