"""The table of roles and rights on its page is the one of the code."""

from pathlib import Path

from clinical_assets.people.rights import rights_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"


def test_the_table_is_made_from_the_code() -> None:
    shown = PAGE.read_text().split("<!-- rights -->\n")[1].split("<!-- /rights -->")[0]
    assert shown == rights_table(), "paste rights_table() between the marks"
