"""Faults that a ledger survives: killed writers, a killed server, full disks.

Nothing that was acknowledged is lost, no number is missing, verification passes, and the next
append works.
"""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from clinical_assets.errors import ClinicalError
from resources.ledger_database.store import LedgerStore
from tests.slow.clusters import Cluster, cluster
from tests.unit.resources.faults import tiny_disk
from tests.unit.resources.ledger_killing import Acknowledged, hold, survived
from tests.unit.resources.ledgers import LedgerInUse, act, postgresql_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 200


def test_two_hundred_kills_on_sqlite(tmp_path: Path) -> None:
    survived(LedgerInUse(f"sqlite:///{tmp_path}/l.db", tmp_path), KILLS)


def test_two_hundred_kills_on_postgresql(tmp_path: Path) -> None:
    with postgresql_database() as url:
        survived(LedgerInUse(url, tmp_path), KILLS)


class Appending:
    """Threads with a store each, which append until they are stopped and go on after a refusal."""

    def __init__(self, in_use: LedgerInUse, threads: int) -> None:
        self.acknowledged: Acknowledged = []
        self.refused = 0
        self.surprises: list[BaseException] = []
        self._end = threading.Event()
        self._stores = [in_use.store() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(n, store))
            for n, store in enumerate(self._stores)
            for _ in range(2)
        ]

    def __enter__(self) -> "Appending":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(120)
        for store in self._stores:
            store.engine.close()

    def more(self, count: int) -> None:
        """Returns once so many more were acknowledged."""
        wanted = len(self.acknowledged) + count
        while len(self.acknowledged) < wanted and not self.surprises:
            self._end.wait(0.005)

    def _run(self, name: int, store: LedgerStore) -> None:
        turn = 0
        while not self._end.is_set():
            turn += 1
            subject = f"{name}-{threading.get_ident()}-{turn}"
            try:
                entries = (
                    store.append([act(subject=subject)] * 2)
                    if turn % 3
                    else store.decide(lambda _, s=subject: [act(subject=s)])
                )
            except ClinicalError:
                self.refused += 1
                self._end.wait(0.02)
            except BaseException as error:
                self.surprises.append(error)
                return
            else:
                self.acknowledged += [(e.seq, e.act.subject.id) for e in entries]


@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.stop("fast"),
        lambda server: server.stop("immediate"),
        lambda server: server.kill(),
    ],
    ids=["restarted", "crashed", "killed"],
)
def test_postgresql_ends_in_mid_append(tmp_path: Path, end: Callable[[Cluster], None]) -> None:
    with cluster() as server:
        in_use = LedgerInUse(server.url, tmp_path)
        in_use.store().append([act()])
        with Appending(in_use, 6) as appending:
            for _ in range(6):
                appending.more(60)
                end(server)
                server.start()
            appending.more(60)
        assert appending.surprises == []
        assert appending.refused
        hold(in_use, appending.acknowledged)


@pytest.mark.parametrize("crash", [lambda s: s.stop("immediate"), lambda s: s.kill()])
def test_what_was_acknowledged_last_survives_a_crash(
    tmp_path: Path, crash: Callable[[Cluster], None]
) -> None:
    """The commit is asynchronous: without the wait that follows, the newest would be lost."""
    with cluster() as server:
        in_use = LedgerInUse(server.url, tmp_path)
        for _ in range(4):
            store = in_use.store()
            for _ in range(20):
                (last,) = store.append([act()])
            crash(server)
            server.start()
            assert in_use.store().head().size == last.seq + 1


def test_one_process_of_the_server_is_killed(tmp_path: Path) -> None:
    """The server then throws all connections out and recovers by itself, as from a crash."""
    with cluster() as server:
        in_use = LedgerInUse(server.url, tmp_path)
        in_use.store().append([act()])
        with Appending(in_use, 6) as appending:
            for _ in range(6):
                appending.more(60)
                pid = _a_writers_process(in_use)
                subprocess.run(["kill", "-KILL", str(pid)], check=False)
            appending.more(60)
        assert appending.surprises == []
        assert appending.refused
        hold(in_use, appending.acknowledged)


def _a_writers_process(in_use: LedgerInUse) -> int:
    query = (
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
    )
    with in_use.intruder() as connection:
        return int(connection.execute(text(query)).scalar_one())


def test_postgresqls_disk_is_full(tmp_path: Path) -> None:
    with cluster(size="110m") as server:
        in_use = LedgerInUse(server.url, tmp_path)
        store = in_use.store()
        acknowledged: Acknowledged = []

        def fill() -> None:
            for turn in range(1000):
                (entry,) = store.append([act(subject=f"{turn}", reason=_incompressible(turn))])
                acknowledged.append((entry.seq, entry.act.subject.id))

        with pytest.raises(ClinicalError, match="nothing may happen"):
            fill()
        assert len(acknowledged) > 5
        subprocess.run(["mount", "-o", "remount,size=1g", str(server.data.parent)], check=True)
        _until_it_answers(store)
        hold(in_use, acknowledged)
        store.engine.close()


def _incompressible(turn: int) -> str:
    import random

    return random.Random(turn).randbytes(150_000).hex()


def _until_it_answers(store: LedgerStore) -> None:
    for attempt in range(100):
        try:
            store.append([act()])
            return
        except ClinicalError:
            if attempt == 99:
                raise
            threading.Event().wait(0.3)


def test_sqlites_disk_is_full_for_many_at_once(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "42m") as disk:
        # Room for some thousand entries once it is gone, so that the disk is not full again.
        (disk / "filler").write_bytes(b"x" * 40_000_000)
        in_use = LedgerInUse(f"sqlite:///{disk}/l.db", tmp_path)
        in_use.store().append([act()])
        with Appending(in_use, 4) as appending:
            while appending.refused < 40:
                threading.Event().wait(0.01)
            (disk / "filler").unlink()
            appending.more(30)
        assert appending.surprises == []
        hold(in_use, appending.acknowledged)
