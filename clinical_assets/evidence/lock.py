"""Parses ``requirements.lock`` as uv writes it: packages, markers, hashes, and who asked for them.

Names are normalised as PEP 503 asks. Nothing is downloaded and nothing is installed here.
"""

import re
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError

_HEAD = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[(?P<extras>[^\]]*)\])?==(?P<version>[^\s;\\]+)"
    r"(\s*;\s*(?P<marker>[^\\]*?))?\s*\\?$"
)
_HASH = re.compile(r"^\s+--hash=sha256:(?P<digest>[0-9a-f]{64})\s*\\?$")
_VIA = re.compile(r"^\s+#\s+via(\s+(?P<parent>\S.*))?$")
_PARENT = re.compile(r"^\s+#\s{2,}(?P<parent>\S.*)$")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One pinned package.

    Attributes:
        name: normalised name.
        marker: environment marker under which it is installed; empty where always.
        hashes: SHA-256 of every distribution file that may be installed.
        via: normalised names of what asked for it; a project's file in brackets is dropped.
    """

    name: str
    version: str
    extras: tuple[str, ...]
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def parse_lock(text: str, *, where: str = "requirements.lock") -> tuple[LockedPackage, ...]:
    """The packages of a lock, in its order.

    Raises:
        ClinicalError: a line is not understood, a package has no SHA-256, or there is none.
    """
    packages: list[LockedPackage] = []
    current: dict[str, list[str]] = {}
    head: re.Match[str] | None = None
    at = 0

    def close() -> None:
        if head is not None:
            packages.append(_package(head, current, where, at))

    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if found := _HEAD.match(line):
            close()
            head, at, current = found, number, {"hashes": [], "via": []}
        elif head is not None and (found := _HASH.match(line)):
            current["hashes"].append(found["digest"])
        elif head is not None and (found := _VIA.match(line) or _PARENT.match(line)):
            if found["parent"]:
                current["via"].append(normal_name(found["parent"].split(" (")[0]))
        else:
            raise ClinicalError(
                "The lock has a line that is not understood",
                where=f"{where}, line {number}",
                repair="Write the lock again with the command in its first lines",
            )
    close()
    if not packages:
        raise ClinicalError(
            "The lock names no package",
            where=where,
            repair="Write the lock again with uv pip compile",
        )
    return tuple(packages)


def normal_name(name: str) -> str:
    """A package's name as PEP 503 normalises it, extras dropped.

    >>> normal_name("Moto[s3, server]"), normal_name("ruamel.yaml_clib")
    ('moto', 'ruamel-yaml-clib')
    """
    return re.sub(r"[-_.]+", "-", name.split("[")[0].strip()).lower()


def _package(
    head: re.Match[str], found: dict[str, list[str]], where: str, at: int
) -> LockedPackage:
    name = normal_name(head["name"])
    if not found["hashes"]:
        raise ClinicalError(
            f"Package {name} has no SHA-256 in the lock",
            where=f"{where}, line {at}",
            repair="Write the lock again with --generate-hashes",
        )
    extras = tuple(e.strip() for e in (head["extras"] or "").split(",") if e.strip())
    return LockedPackage(
        name=name,
        version=head["version"],
        extras=extras,
        marker=(head["marker"] or "").strip(),
        hashes=tuple(found["hashes"]),
        via=tuple(dict.fromkeys(found["via"])),
    )
