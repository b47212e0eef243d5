"""Interrupted acts: found at the next start, looked into, recorded once."""

import threading
from pathlib import Path

import pytest

from clinical_assets.ledger.actions import Nothing, Reconciled
from clinical_assets.ledger.entry import Entry, Subject
from resources.ledger_database.reader import Wanted
from resources.ledger_database.writers import Writers
from resources.reconciling import Found, reconcile
from tests.unit.resources.ledgers import LedgerInUse, act


def of_the_dead(in_use: LedgerInUse) -> str:
    """Name of a writer of this folder that has ended."""
    place = Writers(in_use.folder / "writers")
    return place.name().rpartition(":")[0] + ":" + "0" * 32


def found(_: Entry) -> Found:
    return "found"


def test_what_the_dead_left_open_is_looked_into_once(in_use: LedgerInUse) -> None:
    dead = of_the_dead(in_use)
    in_use.store(writer=lambda: dead).append(
        [
            act("a", outcome="intended"),
            act("b", action="run.succeeded", outcome="intended"),
            act("c", outcome="intended", action="run.cancelled"),
            act("d", outcome="intended"),
            act("d", outcome="failed"),
        ]
    )
    ledger = in_use.ledger()

    def fails(_: Entry) -> Found:
        raise OSError("the store is away")

    probes = {"run.started": found, "run.cancelled": fails}
    recorded = reconcile(ledger, probes)
    assert [(e.act.act, e.act.details, e.act.outcome) for e in recorded] == [
        ("a", Reconciled("found"), "interrupted"),
        ("b", Reconciled("cannot be told"), "interrupted"),
        ("c", Reconciled("cannot be told"), "interrupted"),
    ]
    assert recorded[0].act.action == "ledger.reconciled"
    assert recorded[0].act.subject == Subject("run", "r-1")
    assert "Entry 2 (run.started)" in recorded[0].act.reason
    assert reconcile(ledger, probes) == []
    report = in_use.verify()
    assert report.passed
    assert report.open_acts == ()


def test_what_the_living_are_at_is_left_alone(in_use: LedgerInUse) -> None:
    ledger = in_use.ledger()
    with ledger.doing("run.started", Subject("run", "r"), Nothing()):
        assert reconcile(ledger, {}) == []
        assert reconcile(in_use.ledger(), {}) == []
    assert [e.act.outcome for e in ledger.reader.proven(Wanted(subject_id="r"))] == [
        "intended",
        "done",
    ]


def test_an_act_that_ends_while_it_is_looked_into_is_not_called_interrupted(
    in_use: LedgerInUse,
) -> None:
    dead = of_the_dead(in_use)
    elsewhere = in_use.store(writer=lambda: dead)
    elsewhere.append([act("a", outcome="intended")])

    def ends(_: Entry) -> Found:
        elsewhere.append([act("a")])
        return "absent"

    assert reconcile(in_use.ledger(), {"run.started": ends}) == []
    assert in_use.verify().size == 4


def test_two_that_reconcile_at_once_record_it_once(in_use: LedgerInUse) -> None:
    dead = of_the_dead(in_use)
    names = [f"a{n}" for n in range(4)]
    in_use.store(writer=lambda: dead).append([act(name, outcome="intended") for name in names])
    meet = threading.Barrier(2, timeout=30)

    def probe(entry: Entry) -> Found:
        if entry.seq == 2:
            meet.wait()
        return "absent"

    recorded: list[Entry] = []

    def run() -> None:
        recorded.extend(reconcile(in_use.ledger(), {"run.started": probe}))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.act.act for entry in recorded) == names
    assert in_use.verify().size == 10


def test_a_forged_list_of_open_acts_makes_no_entry(in_use: LedgerInUse) -> None:
    dead = of_the_dead(in_use)
    store = in_use.store()
    store.append([act("done", outcome="intended"), act("done")])
    with in_use.intruder() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO ledger_open_acts (seq, act, writer) VALUES (2, 'done', '{dead}')"
        )
    assert reconcile(in_use.ledger(), {"run.started": found}) == []
    assert in_use.verify().size == 4


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_killed_process_leaves_what_is_found(tmp_path: Path, kind: str) -> None:
    from tests.unit.resources.faults import kill_after, start

    in_use = LedgerInUse(f"{kind}:///{tmp_path}/l.db", tmp_path)
    script = """
import sys, time
from pathlib import Path
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Subject
from tests.unit.resources.ledgers import FixedKeys, LedgerInUse
in_use = LedgerInUse(sys.argv[1], Path(sys.argv[2]))
in_use.keys = FixedKeys(Path(sys.argv[3]).read_bytes())
with in_use.ledger().doing("run.started", Subject("run", "r"), Nothing()):
    print("within", flush=True)
    time.sleep(60)
"""
    (tmp_path / "key").write_bytes(in_use.keys.pem)
    kill_after(start(script, in_use.url, str(tmp_path), str(tmp_path / "key")), 0.0)
    (entry,) = reconcile(in_use.ledger(), {"run.started": lambda _: "absent"})
    assert entry.act.details == Reconciled("absent")
