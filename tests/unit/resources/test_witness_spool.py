"""The spool: whatever fails or dies, every note that was kept reaches every witness, in order."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from resources.locks import held
from resources.witnesses.notes import slug
from resources.witnesses.spool import WitnessSpool
from resources.witnesses.witness import Witness, parse_witness
from tests.unit.ledger.examples import ORIGIN, note, rows
from tests.unit.resources.faults import kill_after, start
from tests.unit.resources.log_server import stream_server

ROWS = rows()
ROOT = Path(__file__).resolve().parents[3]


class Fragile:
    """A witness that is down when told so, and remembers what it got."""

    def __init__(self, name: str = "fragile") -> None:
        self.name = name
        self.fault: Callable[[], BaseException] | None = None
        self.got: list[str] = []

    def publish(self, note: str) -> None:
        if self.fault is not None:
            raise self.fault()
        self.got.append(note)

    def notes(self, origin: str, *, last: int | None = None) -> list[str]:
        return self.got


def down() -> ClinicalError:
    return ClinicalError("The server is down", repair="Wait")


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.note"))


def test_every_witness_gets_it_and_nothing_waits(tmp_path: Path) -> None:
    one = parse_witness(f"folder:{tmp_path}/w")
    spool = WitnessSpool(tmp_path / "spool", [one, Fragile()])
    assert spool.publish(note(ROWS, 3)) == ()
    assert one.notes(ORIGIN) == [note(ROWS, 3)]
    assert spool.witnesses[1].notes(ORIGIN) == [note(ROWS, 3)]
    assert files(tmp_path / "spool") == []
    assert spool.overdue(datetime.now(UTC)) == ()


@pytest.mark.parametrize(
    ("fault", "words"),
    [(down, "The server is down"), (lambda: ZeroDivisionError("x"), "unexpected ZeroDivision")],
)
def test_one_that_is_down_stops_nobody_and_is_told(
    tmp_path: Path, fault: Callable[[], BaseException], words: str
) -> None:
    fragile, good = Fragile(), Fragile("good")
    fragile.fault = fault
    spool = WitnessSpool(tmp_path, [fragile, good])
    [behind] = spool.publish(note(ROWS, 3))
    assert (behind.witness, behind.waiting) == ("fragile", 1)
    assert words in behind.why
    assert good.got == [note(ROWS, 3)]
    spool.publish(note(ROWS, 1))
    [behind] = WitnessSpool(tmp_path, [fragile, good]).overdue(datetime.now(UTC))
    assert (behind.waiting, behind.why) == (2, "")
    fragile.fault = None
    assert spool.publish(note(ROWS, 6)) == ()
    assert [read(text).size for text in fragile.got] == [1, 3, 6]  # by size, not by arrival
    assert len(good.got) == 3


def test_overdue_counts_from_the_first_note_that_waits(tmp_path: Path) -> None:
    fragile = Fragile()
    fragile.fault = down
    spool = WitnessSpool(tmp_path, [fragile])
    for size in (1, 2):
        spool.publish(note(ROWS, size))
    first = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for path in files(tmp_path):
        late = path.name.startswith("0" * 15 + "2")
        at = (first + timedelta(hours=late)).timestamp()
        os.utime(path, (at, at))
    day = timedelta(days=1)
    assert spool.overdue(first + day - timedelta(seconds=1), after=day) == ()
    [behind] = spool.overdue(first + day, after=day)
    assert (behind.since, behind.waiting) == (first, 2)
    # A clock that was set back hides nobody from the plain question.
    assert len(spool.overdue(first - day)) == 1


def test_what_was_kept_and_not_handed_out_waits_for_all(tmp_path: Path) -> None:
    spool = WitnessSpool(tmp_path, [Fragile("a"), Fragile("b")])
    spool.keep(note(ROWS, 2))
    behind = WitnessSpool(tmp_path, spool.witnesses).overdue(datetime.now(UTC))
    assert [(one.witness, one.waiting) for one in behind] == [("a", 1), ("b", 1)]
    assert WitnessSpool(tmp_path, spool.witnesses).deliver() == ()


def test_a_former_witness_is_not_forgotten(tmp_path: Path) -> None:
    fragile = Fragile("syslog+tls://log.example:6514")
    fragile.fault = down
    WitnessSpool(tmp_path, [fragile]).publish(note(ROWS, 2))
    [behind] = WitnessSpool(tmp_path, [Fragile("new")]).overdue(datetime.now(UTC))
    assert "log.example" in behind.witness
    assert "no longer among the witnesses" in behind.witness


def test_without_witnesses_nothing_is_made(tmp_path: Path) -> None:
    spool = WitnessSpool(tmp_path / "spool", [])
    assert spool.publish(note(ROWS, 2)) == ()
    assert not (tmp_path / "spool").exists()


def test_what_is_no_note_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    fragile = Fragile()
    spool = WitnessSpool(tmp_path, [fragile])
    spool.keep(note(ROWS, 2))
    with pytest.raises(ClinicalError, match="not a checkpoint"):
        spool.publish("hello")
    assert fragile.got == [note(ROWS, 2)]


def test_a_damaged_note_is_told_and_blocks_no_other(tmp_path: Path) -> None:
    fragile = Fragile()
    fragile.fault = down
    spool = WitnessSpool(tmp_path, [fragile])
    for size in (1, 2, 3):
        spool.publish(note(ROWS, size))
    path = next(p for p in files(tmp_path) if p.name.startswith("0" * 15 + "2"))
    path.unlink()
    path.write_bytes(b"x")
    fragile.fault = None
    [behind] = spool.deliver()
    assert (behind.waiting, path.name in behind.why) == (1, True)
    assert [read(text).size for text in fragile.got] == [1, 3]


def test_one_that_another_process_delivers_to_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.witnesses.spool._WAIT_SECONDS", 0.0)
    fragile = Fragile()
    spool = WitnessSpool(tmp_path, [fragile])
    with held(tmp_path / "pending" / f"{slug('fragile')}.lock"):
        [behind] = spool.publish(note(ROWS, 1))
        assert "lock was not free" in behind.why
    assert fragile.got == []
    assert spool.deliver() == ()
    assert fragile.got == [note(ROWS, 1)]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), max_size=8))
def test_in_the_end_every_witness_has_every_note(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]]
) -> None:
    one, other = Fragile("a"), Fragile("b")
    spool = WitnessSpool(tmp_path_factory.mktemp("spool"), [one, other])
    for size, first_down, second_down in steps:
        one.fault = down if first_down else None
        other.fault = down if second_down else None
        spool.publish(note(ROWS, size))
    one.fault = other.fault = None
    assert spool.deliver() == ()
    kept = {note(ROWS, size) for size, _, _ in steps}
    assert set(one.got) == set(other.got) == kept


def test_a_log_server_that_comes_back_gets_all_in_order(tmp_path: Path) -> None:
    with stream_server() as server:
        url = f"syslog+tcp://127.0.0.1:{server.port}"
    spool = WitnessSpool(tmp_path, [parse_witness(url)])
    for size in (2, 4):
        [behind] = spool.publish(note(ROWS, size))
        assert "did not take the checkpoint" in behind.why
    with stream_server() as server:
        back = parse_witness(f"syslog+tcp://127.0.0.1:{server.port}")
        old, new = (tmp_path / "pending" / slug(name) for name in (url, back.name))
        old.rename(new)  # the same server, on another free port
        assert WitnessSpool(tmp_path, [back]).deliver() == ()
    sizes = [b'"size":2}', b'"size":4}']
    assert [data[-9:] for data in server.messages] == sizes


PUBLISHER = """
import sys
from pathlib import Path
from clinical_assets.ledger.checkpoint import Checkpoint, sign
from resources.witnesses.witness import parse_witness
from resources.witnesses.spool import WitnessSpool
from tests.unit.ledger.examples import KEY
folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
witnesses = [parse_witness(f"folder:{folder}/{name}") for name in "ab"]
spool = WitnessSpool(folder / "spool", witnesses)
print("begun", flush=True)
for size in range(first, first + count):
    spool.publish(sign(Checkpoint("n", size, bytes(32)), [KEY]))
    print(size, flush=True)
"""


def witnessed(folder: Path) -> list[list[int]]:
    witnesses: list[Witness] = [parse_witness(f"folder:{folder}/{name}") for name in "ab"]
    assert WitnessSpool(folder / "spool", witnesses).deliver() == ()
    assert files(folder / "spool") == []
    return [[read(text).size for text in one.notes("n")] for one in witnesses]


@pytest.mark.parametrize("wait", [0.003, 0.029, 0.061])
def test_killed_while_publishing_loses_no_note(tmp_path: Path, wait: float) -> None:
    said = kill_after(start(PUBLISHER, str(tmp_path), "0", "100000"), wait)
    safe = {int(line) for line in said[1:]}
    first, second = witnessed(tmp_path)
    assert safe <= set(first)
    assert first == second


def test_two_publishers_at_once(tmp_path: Path) -> None:
    processes = [start(PUBLISHER, str(tmp_path), first, "25") for first in ("0", "100")]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    expected = [*range(25), *range(100, 125)]
    assert witnessed(tmp_path) == [expected, expected]


STEPS = """
import os, signal, sys
from pathlib import Path
from resources.witnesses.witness import parse_witness
from resources.witnesses.spool import WitnessSpool
from tests.unit.ledger.examples import note, rows
left = 0
def dying(call):
    def step(*args, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **more)
    return step
keep = WitnessSpool.keep
for step in range(60):
    folder = Path(sys.argv[1]) / str(step)
    witnesses = [parse_witness(f"folder:{folder}/{name}") for name in "ab"]
    spool, one = WitnessSpool(folder / "spool", witnesses), note(rows(), 3, origin="n")
    child = os.fork()
    if child == 0:
        def kept(self, text):
            keep(self, text)
            (folder / "kept").touch()
        left = step
        os.fsync, os.link = dying(os.fsync), dying(os.link)
        Path.unlink = dying(Path.unlink)
        WitnessSpool.keep = kept
        spool.publish(one)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print("killed" if os.WIFSIGNALED(status) else status, flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


def test_killed_before_each_step_of_publishing(tmp_path: Path) -> None:
    """Once :meth:`keep` returned, both witnesses get the note, wherever the process died."""
    lines = start(STEPS, str(tmp_path)).communicate()[0].split()
    assert lines == ["killed"] * (len(lines) - 1) + ["0"]
    assert len(lines) > 12
    kept = 0
    for step in range(len(lines)):
        folder = tmp_path / str(step)
        first, second = witnessed(folder)
        assert first == second
        if (folder / "kept").exists():
            kept += 1
            assert first == [3]
    assert kept > 8


LIMITED = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from clinical_assets.errors import ClinicalError
from resources.witnesses.witness import parse_witness
from resources.witnesses.spool import WitnessSpool
from tests.unit.ledger.examples import note, rows
folder = Path(sys.argv[1])
spool = WitnessSpool(folder / "spool", [parse_witness(f"folder:{folder}/a")])
spool.keep(note(rows(), 2, origin="n"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
try:
    spool.publish(note(rows(), 3, origin="n"))
except ClinicalError as error:
    print(error.what)
[behind] = spool.overdue(datetime.now(UTC))
print(behind.waiting)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(spool.deliver(), [len(n) > 50 for n in spool.witnesses[0].notes("n")])
"""


def test_a_full_disk_is_told_and_spoils_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "The disk or quota is full; nothing was stored",
        "1",
        "() [True]",
    ]
