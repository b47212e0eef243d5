"""Writers that are killed: eight processes append, one after another is killed with SIGKILL.

Run as a module, because children are forked from a process that has imported everything and has no
thread: ``python -m tests.unit.resources.ledger_killing URL KEY FOLDER KILLS``. A child writes a
line into its own file after each append has returned; what stands there was acknowledged.
"""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Subject
from resources.ledger_database.derived import derived_problems
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.reconciling import reconcile
from tests.unit.resources.ledgers import FixedKeys, LedgerInUse, act

WRITERS = 8
_PATIENCE_SECONDS = 60.0


def survived(in_use: LedgerInUse, kills: int) -> None:
    """Kills writers of a new ledger so often, then holds it against what was acknowledged."""
    import subprocess

    key = in_use.folder / "key.pem"
    key.write_bytes(in_use.keys.pem)
    in_use.store().append([act()])
    root = Path(__file__).resolve().parents[3]
    arguments = [in_use.url, str(key), str(in_use.folder), str(kills)]
    module = "tests.unit.resources.ledger_killing"
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=root, check=True, timeout=900)
    acknowledged = read_acknowledged(in_use.folder)
    assert len(acknowledged) > kills
    hold(in_use, acknowledged)


Acknowledged = list[tuple[int, str]]


def read_acknowledged(folder: Path) -> Acknowledged:
    """Number and subject of each entry, of whole lines only."""
    lines = [
        line
        for path in folder.glob("*.acknowledged")
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]
    return [(int(seq), subject) for seq, subject in (line.split() for line in lines)]


def hold(in_use: LedgerInUse, acknowledged: Acknowledged) -> None:
    """Nothing acknowledged is lost, no number is missing, all verifies, the next append works."""
    ledger = in_use.ledger()
    interrupted = reconcile(ledger, {})
    ledger.record("run.started", Subject("run", "afterwards"), Nothing())
    entries = LedgerReader(ledger.store).proven(Wanted())
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    there = {entry.seq: entry.act.subject.id for entry in entries}
    assert [(seq, subject) for seq, subject in acknowledged if there.get(seq) != subject] == []
    report = in_use.verify()
    assert report.problems == ()
    assert report.open_acts == ()
    assert derived_problems(ledger.store) == ()
    assert all(entry.act.outcome == "interrupted" for entry in interrupted)
    ledger.store.engine.close()


def write(in_use: LedgerInUse, name: str) -> None:
    """Appends for ever: from two threads, single acts, several at once, and pairs."""
    ledger = in_use.ledger()
    lines = os.open(
        in_use.folder / f"{name}.acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )

    def say(entries: Any) -> None:
        text = "".join(f"{entry.seq} {entry.act.subject.id}\n" for entry in entries)
        os.write(lines, text.encode())

    def loop(thread: int) -> None:
        for turn in range(10**9):
            subject = f"{name}-{thread}-{turn}"
            if turn % 5 == 4:
                with ledger.doing("run.started", Subject("run", subject), Nothing()):
                    pass
            elif turn % 3:
                say(ledger.store.append([act(subject=subject)] * (turn % 3)))
            else:
                say(ledger.store.decide(lambda _, s=subject: [act(subject=s)]))

    threads = [threading.Thread(target=loop, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _child(in_use: LedgerInUse, name: str) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            write(in_use, name)
        except BaseException as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    return pid


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("a writer ended by itself")


def main(url: str, key: str, folder: str, kills: str) -> None:
    """Keeps eight writers going, kills as many as asked for; every twentieth time all at once."""
    in_use = LedgerInUse(url, Path(folder))
    in_use.keys = FixedKeys(Path(key).read_bytes())
    in_use.store().engine.dialect  # noqa: B018 - imports the driver before the children are forked
    chance = random.Random(7)
    children = [_child(in_use, f"w{n}") for n in range(WRITERS)]
    count = WRITERS
    for kill in range(1, int(kills) + 1):
        _await(Path(folder), chance.randrange(1, 8))
        time.sleep(chance.uniform(0.0, 0.02))  # any point of an append, not only its end
        for place in range(WRITERS) if kill % 20 == 0 else [chance.randrange(WRITERS)]:
            _kill(children[place])
            children[place] = _child(in_use, f"w{count}")
            count += 1
    _await(Path(folder), 1)
    for child in children:
        _kill(child)


def _await(folder: Path, more: int) -> None:
    """Until so many more lines, of ten bytes or more, say that something was acknowledged."""
    before, until = _written(folder), time.monotonic() + _PATIENCE_SECONDS
    while _written(folder) < before + 10 * more:
        if time.monotonic() > until:
            raise SystemExit("nobody acknowledges anything any more")
        time.sleep(0.002)


def _written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.acknowledged"))


if __name__ == "__main__":
    main(*sys.argv[1:])
