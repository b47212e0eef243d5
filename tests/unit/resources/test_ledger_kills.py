"""A few writers killed and a full disk; the long versions are in ``tests/slow``."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Act
from tests.unit.resources.faults import tiny_disk
from tests.unit.resources.ledger_killing import Acknowledged, hold, survived
from tests.unit.resources.ledgers import LedgerInUse, act


def test_killed_writers_lose_nothing_that_was_acknowledged(in_use: LedgerInUse) -> None:
    survived(in_use, kills=6)


def copied(connection: Connection) -> list[Act]:
    connection.execute(text("CREATE TABLE more AS SELECT * FROM ledger_entries"))
    return [act()]


def test_a_full_disk_refuses_whole_acts_until_there_is_space(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "1m") as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * 300_000)
        in_use = LedgerInUse(f"sqlite:///{disk}/l.db", tmp_path)
        store = in_use.store()
        acknowledged: Acknowledged = []

        def fill() -> None:
            for turn in range(10_000):
                (entry,) = store.append([act(subject=f"{turn}", reason="x" * 3000)])
                acknowledged.append((entry.seq, entry.act.subject.id))

        with pytest.raises(ClinicalError, match=r"full|disk") as caught:
            fill()
        assert "nothing may happen" in str(caught.value)
        with pytest.raises(ClinicalError):
            store.append([act(reason="x" * 100_000)])
        with pytest.raises(ClinicalError):
            store.decide(
                lambda c: c.execute(text("CREATE TABLE t AS SELECT * FROM ledger_entries"))
            )  # type: ignore[arg-type,return-value]
        assert in_use.verify().passed
        filler.unlink()
        store.append([act()])
        store.engine.close()
        hold(in_use, acknowledged)
