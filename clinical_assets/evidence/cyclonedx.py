"""What every CycloneDX 1.6 document here shares: identity, canonical bytes, strict validation.

A document holds no time of the clock and no random number: its serial number is a UUID of
version 5 over its own content, so the same content gives the same bytes (CYB-03).
"""

import uuid
from collections.abc import Mapping
from typing import Any

from clinical_assets.canonical import canonical_json, digest_of
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.licences import alias

SPEC_VERSION = "1.6"
# A constant of this project, drawn once; changing it changes every serial number.
NAMESPACE = uuid.UUID("6f0d3a54-5c0e-5f3b-9a41-0c7d6c2f1e88")


def bom_bytes(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON of a BOM: ``content`` with format, version and serial number added."""
    serial = uuid.uuid5(NAMESPACE, digest_of(dict(content)))
    return canonical_json(
        {
            "bomFormat": "CycloneDX",
            "specVersion": SPEC_VERSION,
            "serialNumber": f"urn:uuid:{serial}",
            "version": 1,
            **content,
        }
    )


def check_strict(bom: bytes, name: str) -> None:
    """Check a BOM against the strict JSON schema of CycloneDX 1.6.

    Raises:
        ClinicalError: the BOM does not hold to the schema; the first fault is named by its path.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom.decode())
    if fault is not None:
        place = "/".join(str(part) for part in fault.data.absolute_path) or "the top level"
        raise ClinicalError(
            f"{name} is not a valid CycloneDX {SPEC_VERSION} document: fault at {place}",
            repair="Report this as a defect: the document is written by this package",
        )


def prop(name: str, value: object) -> dict[str, str]:
    """A property of our own, under the ``clinical:`` prefix."""
    return {"name": f"clinical:{name}", "value": str(value)}


def sha256_hash(digest: str) -> dict[str, str]:
    """A SHA-256 as CycloneDX writes it."""
    return {"alg": "SHA-256", "content": digest}


def licenses(text: str) -> list[dict[str, Any]]:
    """A licence as SPDX id, SPDX expression, or free name; empty for an empty text."""
    from cyclonedx.spdx import fixup_id, is_expression

    stated = alias(" ".join(text.split()))
    if not stated:
        return []
    if identifier := fixup_id(stated):
        return [{"license": {"id": identifier}}]
    if is_expression(stated):
        return [{"expression": stated}]
    return [{"license": {"name": stated}}]
