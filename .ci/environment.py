"""Prints what is wrong with the environment whose Python runs this, or an empty line.

Run with ``-I`` in the checkout, so that nothing is found by way of the current folder. It must
start on any Python 3, for that may be the very fault.
"""

import re
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

BESIDE_THE_LOCK = {"clinical-assets", "pip", "setuptools"}
PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ \\;]+)", re.MULTILINE)


def fault():
    """A few words; "packages: …" where installing what the lock names puts it right."""
    version = sys.version_info
    if not (3, 11) <= version < (3, 14):
        return f"its Python is {version[0]}.{version[1]}"
    if any(made_elsewhere(path) for path in sorted((Path(sys.prefix) / "bin").iterdir())):
        return "it was made for another folder"
    found = util.find_spec("clinical_assets")
    if found is None:
        return "packages: clinical_assets is missing"
    if Path.cwd().resolve() not in Path(found.origin or "/").resolve().parents:
        return "it belongs to another checkout"
    return other_packages()


def made_elsewhere(script):
    """Whether a console script starts the Python of another environment."""
    if script.is_symlink() or not script.is_file():
        return False
    with script.open("rb") as file:
        head = file.read(512)
    here = {str(path).encode() for path in (Path(sys.prefix), Path(sys.prefix).resolve())}
    return head[:2] == b"#!" and b"python" in head and not any(path in head for path in here)


def other_packages():
    """Whether other packages than the lock's are there, or some lack their files."""
    lock = Path("requirements.lock").read_text(encoding="utf-8")
    locked = {(plain(name), version) for name, version in PINNED.findall(lock)}
    for found in metadata.distributions():
        name = plain(found.metadata["Name"])
        if name not in BESIDE_THE_LOCK and (name, found.version) not in locked:
            return f"packages: {name} {found.version} is not in the lock"
        lines = (found.read_text("RECORD") or "").splitlines()
        tops = {line.split("/")[0].split(",")[0].strip('"') for line in lines} - {"", ".."}
        if not all(Path(str(found.locate_file(top))).exists() for top in tops - {"__pycache__"}):
            return f"files of {name} are gone"
    uv = [Path(sys.prefix) / "bin/uv", "pip", "check", "--quiet", "--python", sys.executable]
    missing = subprocess.run(uv, capture_output=True).returncode != 0
    return "packages: some are missing" if missing else ""


def plain(name):
    """A distribution's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


sys.stdout.write(fault() + "\n")
