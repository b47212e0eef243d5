"""Appending: what is written, what an intruder's writing does to the next append, the clock."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import SigningKey, verify
from clinical_assets.ledger.entry import Entry, time_text
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from resources.ledger_database.head import Head
from resources.ledger_database.migrations import LAYOUT
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.ledger_database.rows import search_columns
from resources.ledger_database.tables import ENTRIES, LAYOUTS
from tests.unit.resources.ledgers import Clock, FixedKeys, LedgerInUse, act, numbers

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_ledger_begins_with_its_creation_and_its_key(in_use: LedgerInUse) -> None:
    store = in_use.store()
    (first, second), key = LedgerReader(store).proven(Wanted()), in_use.keys.signing(store.origin)
    assert (first.act.action, first.act.subject.id) == ("ledger.created", store.origin)
    assert (second.act.action, second.act.details.after) == ("key.created", str(key.public))
    assert in_use.store().origin == store.origin


def test_what_is_appended_is_read_by_another_store(in_use: LedgerInUse) -> None:
    given = [act(subject=f"r-{n}", reason="Wörter\n|\u202e") for n in range(7)]
    written = in_use.store().append(given)
    assert [entry.act for entry in written] == given
    assert [entry.seq for entry in written] == [2, 3, 4, 5, 6, 7, 8]
    assert LedgerReader(in_use.store()).proven(Wanted(action="run.started")) == list(written)
    assert in_use.verify().passed


def test_acts_are_appended_all_or_none(in_use: LedgerInUse) -> None:
    store = in_use.store()
    with pytest.raises(ValueError, match="surrogate"):
        store.append([act(), act(reason="\udc80")])
    assert store.append([]) == ()
    assert numbers(store) == [0, 1]


def test_a_nul_and_long_texts_are_kept_whole_and_found(in_use: LedgerInUse) -> None:
    store, odd, long = in_use.store(), "a\0b", "x" * 5000
    store.append([act(odd, odd), act(long, long), act("y", "x" * 4999 + "y")])
    reader = LedgerReader(store)
    assert [e.act.subject.id for e in reader.proven(Wanted(subject_id=odd))] == [odd]
    assert [e.act.act for e in reader.proven(Wanted(act=odd))] == [odd]
    assert [e.act.subject.id for e in reader.proven(Wanted(subject_id=long))] == [long]
    assert in_use.verify().passed


def test_a_checkpoint_is_kept_once_and_verifies(in_use: LedgerInUse) -> None:
    store = in_use.store()
    note = store.checkpoint()
    assert store.checkpoint() == note
    stated = verify(note, [in_use.keys.signing(store.origin).public])
    assert (stated.origin, stated.size) == (store.origin, 2)
    store.append([act()])
    assert store.checkpoint() != note
    assert LedgerReader(store).notes()[0] == note


def test_processes_that_know_another_head_append_in_turn(in_use: LedgerInUse) -> None:
    stores = [in_use.store() for _ in range(3)]
    for turn in range(12):
        stores[turn % 3].append([act() for _ in range(turn % 4 + 1)])
    assert numbers(stores[0]) == list(range(2 + 30))
    assert in_use.verify().passed


def test_threads_and_decisions_leave_no_gap(in_use: LedgerInUse) -> None:
    store = in_use.store()

    def write(name: int) -> None:
        for turn in range(10):
            if turn % 3:
                store.append([act(subject=f"{name}-{turn}")])
            else:
                store.decide(lambda _, n=turn: [act(subject=f"{name}-{n}")])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(store) == list(range(82))
    names = {e.act.subject.id for e in LedgerReader(store).proven(Wanted(action="run.started"))}
    assert len(names) == 80
    assert in_use.verify().passed


def forge(in_use: LedgerInUse, key: SigningKey | None) -> None:
    """An entry with the right number, hashes and peaks, under a head signed with ``key``."""
    store = in_use.store()
    head = store.head()
    entry = Entry(head.size, datetime.fromisoformat(head.at), act(subject="forged"))
    frontier = Frontier.resume(head.size, head.peaks)
    leaf = leaf_hash(entry.to_bytes())
    nodes = frontier.add(leaf)
    path = head.peaks[: -len(nodes) - 1 : -1]
    forged = Head(frontier.size, head.note, frontier.peaks, path, head.at)
    if key is not None:
        keys = FixedKeys(key.pem)
        forged = Head.signed(frontier, path, head.at, store.origin, keys)
    with in_use.intruder() as connection:
        connection.execute(
            insert(ENTRIES).values(
                seq=entry.seq,
                leaf=leaf,
                body=entry.to_bytes(),
                at=time_text(entry.at),
                **search_columns(entry.act),
            )
        )
        for level, node in enumerate(nodes, start=1):
            connection.execute(
                text("INSERT INTO ledger_nodes VALUES (:level, :place, :hash)"),
                {"level": level, "place": entry.seq >> level, "hash": node},
            )
        connection.execute(
            text("UPDATE ledger_head SET size = :size, note = :note, peaks = :peaks, path = :path"),
            {key: forged.row()[key] for key in ("size", "note", "peaks", "path")},
        )


@pytest.mark.parametrize("key", [None, SigningKey.generate("any")], ids=["unsigned", "other key"])
def test_after_a_forged_entry_nothing_is_appended(
    in_use: LedgerInUse, key: SigningKey | None
) -> None:
    running = in_use.store()
    running.append([act()])
    forge(in_use, key)
    for store in (running, in_use.store()):
        with pytest.raises(ClinicalError, match=r"signature|signed"):
            store.append([act()])


TAMPERING = {
    "cut tail": "DELETE FROM ledger_entries WHERE seq >= 4",
    "all deleted": "DELETE FROM ledger_entries",
    "no head": "DELETE FROM ledger_head",
    "smaller size": "UPDATE ledger_head SET size = size - 1",
    "peaks": "UPDATE ledger_head SET peaks = (SELECT leaf FROM ledger_entries WHERE seq = 0)",
    "path": "UPDATE ledger_head SET path = (SELECT leaf FROM ledger_entries WHERE seq = 0)",
    "note": "UPDATE ledger_head SET note = replace(note, '\n6\n', '\n7\n')",
    "no note": "UPDATE ledger_head SET note = ''",
    "time ahead": "UPDATE ledger_head SET at = '2099-01-01T00:00:00.000000Z'",
    "newest body": "UPDATE ledger_entries SET body = "
    "(SELECT body FROM ledger_entries WHERE seq = 2) WHERE seq = 5",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
def test_after_tampering_nothing_is_appended(in_use: LedgerInUse, statement: str) -> None:
    running = in_use.store()
    running.append([act(), act()])
    running.append([act(), act()])
    with in_use.intruder(owner=True) as connection:
        connection.exec_driver_sql(statement)
    newest_body = "body" in statement  # a process that has just written it does not read it again
    for store in (in_use.store(),) if newest_body else (running, in_use.store()):
        with pytest.raises(ClinicalError) as caught:
            store.append([act()])
        assert "Traceback" not in str(caught.value)
        with pytest.raises(ClinicalError):
            store.head()


def test_a_ledger_put_back_to_an_earlier_state_is_refused(in_use: LedgerInUse) -> None:
    running = in_use.store()
    running.append([act()])
    tables = ("ledger_head", "ledger_entries", "ledger_nodes")
    with in_use.intruder() as connection:
        for table in tables:
            connection.exec_driver_sql(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")
    running.append([act()])
    with in_use.intruder(owner=True) as connection:
        for table in tables:
            connection.exec_driver_sql(f"DELETE FROM {table}")
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM old_{table}")
    with pytest.raises(ClinicalError, match="had 4 entries and is back"):
        running.append([act()])
    assert in_use.store().append([act()])  # who never saw the later state needs a witness


def test_what_a_decision_raises_undoes_its_own_part_only(in_use: LedgerInUse) -> None:
    store = in_use.store()
    with in_use.intruder() as connection:
        connection.exec_driver_sql("CREATE TABLE votes (name TEXT PRIMARY KEY)")

    def vote(name: str, fails: bool) -> Any:
        def decide(connection: Any) -> list[Any]:
            connection.execute(text("INSERT INTO votes VALUES (:name)"), {"name": name})
            if fails:
                raise KeyError(name)
            return [act(subject=name)]

        return decide

    outcomes: dict[str, object] = {}

    def run(name: str, decide: Any) -> None:
        try:
            outcomes[name] = store.decide(decide)[0].seq
        except Exception as error:
            outcomes[name] = error

    together(
        store,
        [
            lambda: run("anna", vote("anna", False)),
            lambda: run("ben", vote("ben", True)),
            lambda: run("anna again", vote("anna", False)),
            lambda: run("cleo", vote("cleo", False)),
            lambda: run("odd", lambda _: [act(), act(reason="\udc80")]),
        ],
    )
    assert sorted(o for o in outcomes.values() if isinstance(o, int)) == [2, 3]
    assert isinstance(outcomes["ben"], KeyError)
    assert isinstance(outcomes["odd"], ValueError)
    refused = [o for n, o in outcomes.items() if n.startswith("anna") and not isinstance(o, int)]
    assert [type(error) for error in refused] == [ClinicalError]
    assert "anna" not in str(refused[0]) or not in_use.postgresql
    with in_use.intruder() as connection:
        voted = connection.exec_driver_sql("SELECT name FROM votes ORDER BY name").scalars().all()
    assert voted == ["anna", "cleo"]
    assert in_use.verify().passed


def test_decisions_of_one_transaction_see_each_other(in_use: LedgerInUse) -> None:
    """Two approvers at once: the second one's decision is made knowing the first one's."""
    store = in_use.store()
    reader = LedgerReader(store)

    def first_only(connection: Any) -> list[Any]:
        given = reader.proven(Wanted(subject_id="model-1"), connection)
        return [] if given else [act(subject="model-1")]

    written: list[int] = []
    together(store, [lambda: written.append(len(store.decide(first_only)))] * 6)
    assert sorted(written) == [0, 0, 0, 0, 0, 1]
    assert in_use.verify().passed


def together(store: Any, calls: list[Any]) -> None:
    """The calls from threads of their own, so that one transaction takes them all."""
    inside, go = threading.Event(), threading.Event()

    def hold(_: Any) -> list[Any]:
        inside.set()
        go.wait(30)
        return []

    threads = [threading.Thread(target=store.decide, args=(hold,))]
    threads[0].start()
    assert inside.wait(30)
    waiting = store._queue._waiting
    for count, call in enumerate(calls, start=1):
        threads.append(threading.Thread(target=call))
        threads[-1].start()
        while len(waiting) < count:
            threading.Event().wait(0.001)
    go.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_an_act_named_twice_keeps_nobody_from_appending(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act("twice", outcome="intended"), act("twice", outcome="intended")])
    store.append([act("twice", outcome="intended"), act()])
    assert {o.act for o in LedgerReader(store).open_acts()} == {"twice"}
    store.append([act("twice", outcome="failed"), act("next", outcome="intended")])
    assert [o.act for o in LedgerReader(store).open_acts()] == ["next"]
    store.append([act("quick", outcome="intended"), act("quick")])
    store.append([act("quick"), act("quick", outcome="intended")])
    assert [o.act for o in LedgerReader(store).open_acts()] == ["next", "quick"]
    assert len(in_use.verify().open_acts) == 2


def test_a_clock_set_back_keeps_the_order_and_is_written_down_once(in_use: LedgerInUse) -> None:
    clock = Clock(NOON)
    store = in_use.store(clock=clock)
    store.append([act()])
    clock.now = NOON - timedelta(hours=2)
    store.append([act()])
    in_use.store(clock=clock).append([act()])
    clock.now = NOON - timedelta(hours=1)
    store.append([act()])
    clock.now = NOON + timedelta(seconds=5)
    store.append([act()])
    entries = LedgerReader(store).proven(Wanted())
    assert [e.at for e in entries] == [NOON] * 7 + [NOON + timedelta(seconds=5)]
    (flag,) = [e for e in entries if e.act.action == "ledger.clock_set_back"]
    assert (flag.seq, flag.act.details.before) == (3, "2026-11-24T12:00:00.000000Z")
    assert flag.act.details.after == "2026-11-24T10:00:00.000000Z"
    clock.now = NOON
    store.append([act()])
    set_back = LedgerReader(store).proven(Wanted(action="ledger.clock_set_back"))
    assert [e.seq for e in set_back] == [3, 8]
    assert in_use.verify().passed


def test_a_small_step_of_the_clock_is_evened_out(in_use: LedgerInUse) -> None:
    clock = Clock(NOON)
    store = in_use.store(clock=clock)
    assert store.origin
    clock.now = NOON - timedelta(seconds=0.9)
    (entry,) = store.append([act()])
    assert (entry.seq, entry.at) == (2, NOON)


def test_the_time_is_the_servers(in_use: LedgerInUse) -> None:
    (entry,) = in_use.store().append([act()])
    with in_use.intruder() as connection:
        query = "SELECT clock_timestamp()" if in_use.postgresql else "SELECT datetime('now')"
        now = connection.exec_driver_sql(query).scalar_one()
    now = now if in_use.postgresql else datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert abs(now - entry.at) < timedelta(seconds=60)


def test_a_layout_of_a_later_software_is_refused(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act()])
    with in_use.intruder() as connection:
        connection.execute(insert(LAYOUTS).values(number=LAYOUT + 1, origin=store.origin))
    later = in_use.store()
    for _ in range(2):
        with pytest.raises(
            ClinicalError, match=f"layout {LAYOUT + 1}, this software knows {LAYOUT}"
        ):
            later.append([act()])


def test_two_that_begin_a_ledger_at_once_begin_one(in_use: LedgerInUse) -> None:
    stores = [in_use.store() for _ in range(6)]
    origins: list[str] = []
    threads = [threading.Thread(target=lambda s=s: origins.append(s.origin)) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(origins) == 6
    assert len(set(origins)) == 1
    assert numbers(stores[0]) == [0, 1]


def test_what_is_written_while_a_state_is_read_is_no_step_back(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act()])
    with store.reading() as connection:
        before = store.verified_head(connection)
        store.append([act()])
        assert store.verified_head(connection) == before
    assert store.head().size == before.size + 1
