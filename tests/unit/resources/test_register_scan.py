"""What a process keeps of the ledger for the next one: used where it fits, else passed over."""

import json
from pathlib import Path

import pytest

from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Act, Subject
from resources.ledger_database.store import LEDGER
from resources.people import register_scan
from resources.people.register_scan import FILE, RegisterScan
from tests.unit.resources.register import Place, again, on_sqlite


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(register_scan, "_KEEP_EVERY", 1)
    made = on_sqlite(tmp_path).administered()
    made.enrolled("anna", "Anna Example", "quality")
    return made


def read_from(place: Place, monkeypatch: pytest.MonkeyPatch) -> int:
    """The first entry that a process reads which begins now; it finds what the ledger says."""
    first: list[int] = []
    bodies = register_scan.bodies

    def noted(connection, where, begin):
        first.append(begin)
        return bodies(connection, where, begin)

    monkeypatch.setattr(register_scan, "bodies", noted)
    scan = RegisterScan(again(place).store).keep_in(place.keys)
    newest = scan.refresh().get(("user", "anna"))
    with place.store.reading() as connection:
        enrolled = scan.enrolled(connection)
    monkeypatch.setattr(register_scan, "bodies", bodies)
    about = [e for e in place.entries() if e.act.subject.id == "anna"]
    assert newest is not None
    assert (newest.seq, newest.subject) == (about[-1].seq, about[-1].act.subject)
    assert enrolled == {"rita", "anna"}
    return first[-1] if first else len(place.entries())


def test_the_next_process_reads_what_came_since(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    RegisterScan(place.store).keep_in(place.keys).refresh()
    size = len(place.entries())
    assert (place.keys / FILE).stat().st_mode & 0o777 == 0o600
    assert read_from(place, monkeypatch) == size
    place.store.append([Act("x", LEDGER, "logout", Subject("session", "s"), Nothing())])
    assert read_from(place, monkeypatch) == size


@pytest.mark.parametrize(
    "what", ["absent", "no json", "other ledger", "ahead", "other state", "readable"]
)
def test_a_file_that_does_not_fit_is_passed_over(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    RegisterScan(place.store).keep_in(place.keys).refresh()
    file = place.keys / FILE
    plain = json.loads(file.read_bytes())
    if what == "absent":
        file.unlink()
    elif what == "readable":
        file.chmod(0o644)
    elif what == "no json":
        file.write_bytes(b"{")
    else:
        changes = {"other ledger": {"origin": "x"}, "ahead": {"size": plain["size"] * 2}}
        changes["other state"] = {"peaks": ["0" * 64] * len(plain["peaks"])}
        file.write_text(json.dumps({**plain, "newest": [], **changes[what]}))
    assert read_from(place, monkeypatch) == 0
    if what != "readable":
        assert read_from(place, monkeypatch) == len(place.entries())
