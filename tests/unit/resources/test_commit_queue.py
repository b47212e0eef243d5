"""Group commit: one writes for all, and what becomes of one caller stays its own."""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from clinical_assets.errors import ClinicalError
from resources.ledger_database.commit_queue import CommitQueue, InterruptedCommitError, Ticket

WHO: ContextVar[str] = ContextVar("who", default="nobody")


class Written:
    """A writer that waits until it is let go, and then does what it was told to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.began, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.then: Callable[[], None] = lambda: None
        self.queue = CommitQueue[str, str](self.write, lambda: KeyError("unknown"))

    def write(self, take: Callable[[], Sequence[Ticket[str, str]]]) -> None:
        self.began.set()
        assert self.go.wait(30)
        tickets = take()
        self.batches.append([ticket.wish for ticket in tickets])
        for ticket in tickets:
            ticket.answer = ticket.context.run(lambda t=ticket: f"{t.wish} for {WHO.get()}")
        self.then()

    def call(self, wish: str, outcomes: dict[str, Any]) -> threading.Thread:
        def run() -> None:
            WHO.set(wish.upper())
            try:
                outcomes[wish] = self.queue.fulfil(wish)
            except BaseException as error:
                outcomes[wish] = error

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def all_waiting(self, wishes: str) -> tuple[dict[str, Any], list[threading.Thread]]:
        """Each letter is a wish; the first one leads, all are in one batch."""
        outcomes: dict[str, Any] = {}
        self.go.clear()
        threads = []
        for count, wish in enumerate(wishes, start=1):
            threads.append(self.call(wish, outcomes))
            assert self.began.wait(30)
            while len(self.queue._waiting) < count:
                threading.Event().wait(0.001)
        return outcomes, threads

    def finish(self, threads: list[threading.Thread]) -> None:
        self.go.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()


def assert_waited(event: threading.Event) -> None:
    assert event.wait(30)


def test_who_waits_is_served_by_one_write_each_in_its_own_context() -> None:
    written = Written()
    outcomes, threads = written.all_waiting("abc")
    written.finish(threads)
    assert written.batches == [["a", "b", "c"]]
    assert outcomes == {"a": "a for A", "b": "b for B", "c": "c for C"}


def test_more_than_fit_into_one_write_are_all_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.ledger_database.commit_queue._MOST_AT_ONCE", 2)
    written = Written()
    outcomes, threads = written.all_waiting("abcde")
    written.finish(threads)
    assert written.batches == [["a", "b"], ["c", "d"], ["e"]]
    assert all(outcomes[w] == f"{w} for {w.upper()}" for w in "abcde")


def test_a_failed_write_fails_all_each_with_an_error_of_its_own() -> None:
    written = Written()
    outcomes, threads = written.all_waiting("abc")

    def fail() -> None:
        raise ClinicalError("The disk is full", where="here", repair="Free some")

    written.then = fail
    written.finish(threads)
    assert {str(outcomes[w]) for w in "abc"} == {"The disk is full (here). Free some."}
    assert len({id(outcomes[w]) for w in "abc"}) == 3
    written.then = lambda: None
    assert written.queue.fulfil("d") == "d for nobody"


def test_a_write_that_cannot_begin_fails_all_who_wait() -> None:
    written = Written()
    outcomes, threads = written.all_waiting("abc")

    def fail(*_: Any) -> None:
        written.go.wait(30)
        raise KeyError("no connection")

    written.queue._write = fail  # of those who lead later; the first one is within
    written.then = lambda: (_ for _ in ()).throw(KeyError("no connection"))
    written.finish(threads)
    assert [type(outcomes[w]) for w in "abc"] == [KeyError] * 3


def test_an_interrupt_meets_the_one_who_leads_and_the_others_are_written_anew() -> None:
    written = Written()
    outcomes, threads = written.all_waiting("abc")

    def interrupt() -> None:
        written.then = lambda: None
        raise KeyboardInterrupt

    written.then = interrupt
    written.finish(threads)
    assert isinstance(outcomes["a"], KeyboardInterrupt)
    assert (outcomes["b"], outcomes["c"]) == ("b for B", "c for C")
    assert written.batches == [["a", "b", "c"], ["b", "c"]]


def test_an_interrupt_in_mid_commit_is_told_to_the_others_as_unknown() -> None:
    written = Written()
    outcomes, threads = written.all_waiting("abc")

    def interrupt() -> None:
        written.then = lambda: None
        raise InterruptedCommitError from KeyboardInterrupt()

    written.then = interrupt
    written.finish(threads)
    assert isinstance(outcomes["a"], KeyboardInterrupt)
    assert [str(outcomes[w]) for w in "bc"] == ["'unknown'"] * 2
    assert written.batches == [["a", "b", "c"]]


def test_nothing_is_appended_from_within_a_decision() -> None:
    written = Written()
    written.then = lambda: written.queue.fulfil("inner")  # type: ignore[assignment,return-value]
    with pytest.raises(RuntimeError, match="from within a decision"):
        written.queue.fulfil("outer")
    written.then = lambda: None
    assert written.queue.fulfil("later") == "later for nobody"


def test_a_child_that_was_forked_in_mid_write_can_write() -> None:
    written = Written()
    _, threads = written.all_waiting("ab")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        written.go = threading.Event()
        written.go.set()
        os.write(writing, (written.queue.fulfil("child") or "").encode())
        os._exit(0)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 100) == b"child for nobody"
    os.close(reading)
    written.finish(threads)
    assert written.batches == [["a", "b"]]


def test_nobody_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.ledger_database.commit_queue._MOST_AT_ONCE", 3)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads meet in every place
    written = Written()
    answers: list[str | None] = []

    def run(name: int) -> None:
        for turn in range(400):
            answers.append(written.queue.fulfil(f"{name}-{turn}"))

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    sys.setswitchinterval(interval)
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(answers) == sorted(f"{n}-{t} for nobody" for n in range(8) for t in range(400))
    assert sorted(w for b in written.batches for w in b) == sorted(
        f"{n}-{t}" for n in range(8) for t in range(400)
    )


def test_whose_turn_comes_before_it_waits_takes_its_turn_once() -> None:
    written = Written()
    outcomes: dict[str, Any] = {}
    disk, joined, go_on = threading.Event(), threading.Event(), threading.Event()
    written.then = lambda: assert_waited(disk)
    threads = [written.call("a", outcomes)]
    while not written.batches:
        threading.Event().wait(0.001)
    mutex = written.queue._mutex

    class Slow:
        """Keeps whoever joins next from going on right after it has joined."""

        def __enter__(self) -> None:
            mutex.acquire()

        def __exit__(self, *_: object) -> None:
            mutex.release()
            if threading.current_thread() is not threads[0] and not joined.is_set():
                joined.set()
                assert go_on.wait(30)

    written.queue._mutex = Slow()  # type: ignore[assignment]
    threads.append(written.call("b", outcomes))
    assert joined.wait(30)
    written.then = lambda: None
    disk.set()
    written.finish(threads[:1])  # now it is b's turn
    threads.append(written.call("c", outcomes))
    go_on.set()
    written.finish(threads)
    assert outcomes == {w: f"{w} for {w.upper()}" for w in "abc"}
    assert written.queue.fulfil("d") == "d for nobody"
