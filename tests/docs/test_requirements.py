"""The ids that docstrings cite and the table of `docs/requirements.md` agree."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ID = re.compile(r"\b(?:P11|HIP|PRI|GML|PCC|AID|CYB)-\d{2}\b")


def test_every_cited_id_is_explained_and_every_explained_id_is_cited() -> None:
    folders = [ROOT / name for name in ("clinical_assets", "asset_checks", "resources")]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    cited = {found for path in sources for found in ID.findall(path.read_text())}
    cited |= set(ID.findall((ROOT / "SECURITY.md").read_text()))
    explained = set(ID.findall((ROOT / "docs/requirements.md").read_text()))
    assert cited - explained == set(), "cited, but not in docs/requirements.md"
    assert explained - cited == set(), "in docs/requirements.md, but cited nowhere"
