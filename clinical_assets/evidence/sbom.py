"""The software bill of materials: CycloneDX 1.6 from the text of ``requirements.lock`` (CYB-03).

Every pinned package with its version, package URL, SHA-256 of every distribution file, marker,
licence where it is known, and the dependency graph from the lock's ``# via`` comments. Which
package is installed under a marker differs by platform; the SBOM lists them all, as the lock
does. The caller reads licences from the installed packages and hands them in.
"""

from collections.abc import Mapping
from typing import Any

from clinical_assets.evidence.cyclonedx import bom_bytes, licenses, prop, sha256_hash
from clinical_assets.evidence.lock import LockedPackage, normal_name, parse_lock


def build_sbom(
    lock: str,
    licences: Mapping[str, str],
    *,
    name: str,
    version: str,
    licence: str = "",
) -> bytes:
    """The SBOM of an application as canonical JSON; same arguments, same bytes.

    Args:
        lock: text of the lock.
        licences: licence by package name (SPDX id, SPDX expression or free text); a package that
            is not in it gets the property ``clinical:license`` = ``not stated``.
        name, version, licence: of the application itself, the root of the graph.

    Raises:
        ClinicalError: the lock cannot be read.
    """
    packages = sorted(parse_lock(lock), key=lambda p: (p.name, p.version, p.marker))
    known = {normal_name(package): text for package, text in licences.items()}
    root = _reference(name, version)
    components = [_component(p, known.get(p.name, "")) for p in packages]
    application: dict[str, Any] = {
        "type": "application",
        "bom-ref": root,
        "name": name,
        "version": version,
    }
    if licence:
        application["licenses"] = licenses(licence)
    return bom_bytes(
        {
            "metadata": {
                "component": application,
                "lifecycles": [{"phase": "pre-build"}],
                "properties": [prop("packages", len(packages))],
            },
            "components": components,
            "dependencies": _dependencies(packages, normal_name(name), root),
        }
    )


def _reference(name: str, version: str) -> str:
    return f"pkg:pypi/{normal_name(name)}@{version}"


def _component(package: LockedPackage, licence: str) -> dict[str, Any]:
    reference = _reference(package.name, package.version)
    properties = [prop("extra", extra) for extra in package.extras]
    if package.marker:
        properties.append(prop("marker", package.marker))
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
        "scope": "optional" if package.marker else "required",
        "hashes": [sha256_hash(digest) for digest in sorted(package.hashes)],
    }
    if licence.strip():
        component["licenses"] = licenses(licence)
    else:
        properties.append(prop("license", "not stated"))
    if properties:
        component["properties"] = properties
    return component


def _dependencies(
    packages: list[LockedPackage], application: str, root: str
) -> list[dict[str, Any]]:
    """Each component with what it asks for; a name with two pins depends on both.

    The lock says who asked for a package by name only, so every pin of the asking name gets it.
    """
    references: dict[str, list[str]] = {application: [root]}
    for package in packages:
        references.setdefault(package.name, []).append(_reference(package.name, package.version))
    asks: dict[str, set[str]] = {ref: set() for refs in references.values() for ref in refs}
    for package in packages:
        for parent in package.via:
            for reference in references.get(parent, []):
                asks[reference].add(_reference(package.name, package.version))
    return [{"ref": ref, "dependsOn": sorted(children)} for ref, children in sorted(asks.items())]
