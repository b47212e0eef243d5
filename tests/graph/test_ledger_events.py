"""Whatever happens to an event, a run or a switch in Dagster stands in the ledger, on SQLite and
on PostgreSQL, and what the ledger refuses does not happen."""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    StepMaterializationData,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Counted, Decision, Failing, Launch, Undecided
from clinical_assets.ledger.entry import Act
from resources.actors import acting
from resources.dagster_instance.found import dagster_probes
from resources.dagster_instance.sqlite import require_ledger
from resources.dagster_instance.writing import LedgerPlace
from resources.settings import Settings
from tests.graph.ledger_graph import DIGEST, defs
from tests.graph.ledger_paths import Site, of, postgres_site, sqlite_site
from tests.graph.whole_run import mounted


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sqlite_site(tmp_path_factory.mktemp("sqlite")) as made:
        yield made


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with postgres_site(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.getfixturevalue(request.param)
    made.first = made.size()
    return made


@pytest.fixture
def embedded(on_sqlite: Site) -> Site:
    on_sqlite.first = on_sqlite.size()
    return on_sqlite


def test_a_run_is_told_from_its_request_to_its_end(site: Site) -> None:
    result = site.run(asset_selection=[AssetKey("made"), AssetKey("failing")])
    run = result.run_id
    acts = [act for act in site.acts() if act.origin.run == run]
    begun = [("run.requested", run), ("run.started", run)]
    gates = [("gate.decided", "made"), ("gate.decided", "made"), ("gate.undecided", "made")]
    assert of(acts)[:4] == [*begun, ("asset.observed", "made"), ("asset.materialized", "made")]
    assert sorted(of(acts)[4:-1]) == [("asset.failed", "failing"), *gates]
    assert of(acts)[-1] == ("run.failed", run)
    made = acts[3]
    assert (made.subject.sha256, made.subject.version) == (DIGEST, "")
    assert (made.origin.asset, made.outcome) == ("made", "done")
    told = {type(act.details): act.details for act in acts if act.action != "run.failed"}
    assert told[Failing] == Failing("ValueError")
    assert told[Undecided] == Undecided("crashing", "Failure")
    decided = {a.details.gate: (a.details, a.subject) for a in acts if a.action == "gate.decided"}
    assert decided["passing"][0] == Decision("passing", True, blocking=True)
    assert decided["passing"][1].sha256 == DIGEST
    assert decided["refusing"][0] == Decision("refusing", False, blocking=False)
    assert acts[0].details.job == "__ASSET_JOB"
    assert acts[0].details.assets == ("failing", "made")
    assert len(acts[0].details.config_sha256) == 64
    assert acts[-1].outcome == "failed"
    assert all(act.software and act.actor.kind == "service" for act in acts)
    site.verify()


def test_a_run_that_succeeds_a_plain_step_and_a_partition(site: Site) -> None:
    site.run("ops")
    site.run("days", partition_key="2026-11-02")
    assert site.actions("step.") == ["step.failed"]
    assert of(site.acts("run."))[-1][0] == "run.succeeded"
    made = site.acts("asset.materialized")[0]
    assert (made.origin.asset, made.origin.partition) == ("daily", "2026-11-02")


def test_cancelling_is_told_and_so_is_a_failure_that_somebody_reports(site: Site) -> None:
    job = defs.resolve_job_def("ops")
    first, second = (site.instance.create_run_for_job(job) for _ in range(2))
    site.instance.report_run_canceling(first)
    site.instance.report_run_canceled(first)
    site.instance.report_run_failed(second, "words that nobody needs")
    assert of(site.acts("run.")) == [
        ("run.requested", first.run_id),
        ("run.requested", second.run_id),
        ("run.cancel_requested", first.run_id),
        ("run.cancelled", first.run_id),
        ("run.failed", second.run_id),
    ]
    again = site.instance.create_run_for_job(
        job, parent_run_id=first.run_id, root_run_id=first.run_id, tags={"dagster/parent": "x"}
    )
    launch = site.acts("run.requested")[-1].details
    assert isinstance(launch, Launch)
    assert (launch.asked_by, launch.parent) == ("re-execution", first.run_id)
    site.instance.add_run_tags(again.run_id, {"dagster/will_retry": "true"})
    site.instance.add_run_tags(again.run_id, {"note": "anything", "other": "too"})
    assert [act.details for act in site.acts("run.tagged")] == [Counted(2)]


def test_history_cannot_be_deleted_or_wiped_unseen(site: Site) -> None:
    run = site.run(asset_selection=[AssetKey("made")]).run_id
    site.run("ops")
    site.first = site.size()
    site.instance.delete_run(run)
    site.instance.wipe_assets([AssetKey("made")])
    with pytest.raises(NotImplementedError):
        site.instance.wipe_asset_partitions(AssetKey("daily"), ["2026-11-01"])
    site.instance.wipe()
    site.instance.schedule_storage.wipe()  # type: ignore[union-attr]
    acts = [entry.act for entry in site.entries()]
    assert [(act.action, act.subject.id, act.outcome) for act in acts] == [
        (action, subject, outcome)
        for action, subject, last in (
            ("run.deleted", run, "done"),
            ("run.events_deleted", run, "done"),
            ("asset.wiped", "made", "done"),
            ("asset.partitions_wiped", "daily", "failed"),
            ("history.wiped", "runs", "done"),
            ("history.wiped", "events", "done"),
            ("history.wiped", "switches", "done"),
        )
        for outcome in ("intended", last)
    ]
    assert acts[0].act == acts[1].act != acts[2].act
    assert acts[8].details.count >= 1
    assert not site.instance.get_runs()
    site.first = 0
    assert run in [act.origin.run for act in site.acts("asset.materialized")], "kept"
    site.verify()


def test_partitions_pools_and_the_daemons_switch(site: Site) -> None:
    log = site.instance.event_log_storage
    log.add_dynamic_partitions("sites", ["north", "south"])
    log.add_dynamic_partitions("sites", ["south"])
    log.add_dynamic_partitions("sites", ["south", "west"])
    log.delete_dynamic_partition("sites", "south")
    log.set_concurrency_slots("gpu", 2)
    log.set_concurrency_slots("gpu", 3)
    log.delete_concurrency_limit("gpu")
    cursors = site.instance.run_storage
    cursors.set_cursor_values({"ASSET_DAEMON_PAUSED": "true"})
    cursors.set_cursor_values({"ASSET_DAEMON_PAUSED": "true"})
    cursors.set_cursor_values({"SOME_DAEMON_CURSOR": "17"})
    cursors.set_cursor_values({"__latest_defs_state_info__": "{}"})
    acts = site.acts()
    assert [(act.action, act.subject.id, act.details) for act in acts[:-1]] == [
        ("partitions.added", "sites", Counted(2)),
        ("partitions.added", "sites", Counted(1)),
        ("partitions.deleted", "sites", Counted(1)),
        ("pool.changed", "gpu", Change("limit", "", "2")),
        ("pool.changed", "gpu", Change("limit", "2", "3")),
        ("pool.changed", "gpu", Change("limit", "3", "")),
        ("automation.switched", "asset daemon", Change("paused", "", "true")),
    ]
    assert (acts[-1].action, acts[-1].subject.id) == ("settings.changed", "state of definitions")


def test_a_batch_is_one_append_and_is_stored_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "50")
    appends: list[int] = []
    append = site.ledger.store.append
    monkeypatch.setattr(
        site.ledger.store, "append", lambda acts: appends.append(len(acts)) or append(acts)
    )
    for number in range(5):
        made = AssetMaterialization("parts", partition=str(number))
        event = DagsterEvent(
            DagsterEventType.ASSET_MATERIALIZATION.value,
            "a_job",
            event_specific_data=StepMaterializationData(made),
        )
        last = DagsterEventBatchMetadata("one batch", number == 4)
        site.instance.report_dagster_event(event, "", batch_metadata=last)
    assert appends == [5]
    assert [act.origin.partition for act in site.acts("asset.")] == list("01234")
    parts = AssetKey("parts")
    assert site.instance.get_materialized_partitions(parts) == set("01234")
    site.instance.report_runless_asset_event(AssetObservation("parts"))
    assert appends == [5, 1], "after a batch, single events are told again"


def test_what_dagster_shows_stands_in_the_ledger_before(
    embedded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    prepare = SqlEventLogStorage.prepare_insert_event

    def look(self: SqlEventLogStorage, event: Any) -> Any:
        if event.dagster_event and event.dagster_event.is_step_materialization:
            seen.append(len(embedded.acts("asset.materialized")))
        return prepare(self, event)

    monkeypatch.setattr(SqlEventLogStorage, "prepare_insert_event", look)
    embedded.run("days", partition_key="2026-11-01")
    assert seen == [1]


def test_where_dagster_refuses_the_ledger_knows_more_than_it(
    embedded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(SqlEventLogStorage, "prepare_insert_event", refuse)
    with pytest.raises(ClinicalError, match=r"Dagster's event log cannot .* \(No space left"):
        embedded.instance.report_runless_asset_event(AssetMaterialization("made"))
    monkeypatch.undo()
    assert embedded.actions("asset.") == ["asset.materialized"]
    assert embedded.instance.get_latest_materialization_event(AssetKey("made")) is None


def test_what_the_ledger_refuses_does_not_happen(embedded: Site) -> None:
    log, runs = embedded.instance.event_log_storage, embedded.instance.run_storage
    kept = embedded.run(asset_selection=[AssetKey("made")]).run_id
    size, records = embedded.size(), len(embedded.instance.get_run_records())
    attempts = [
        lambda: embedded.instance.create_run_for_job(defs.resolve_job_def("ops")),
        lambda: embedded.instance.report_runless_asset_event(AssetMaterialization("elsewhere")),
        lambda: embedded.instance.delete_run(kept),
        lambda: log.delete_events(kept),
        lambda: embedded.instance.wipe_assets([AssetKey("made")]),
        lambda: embedded.instance.wipe(),
        lambda: log.wipe(),
        lambda: log.add_dynamic_partitions("wards", ["north"]),
        lambda: log.set_concurrency_slots("cpu", 1),
        lambda: runs.set_cursor_values({"ASSET_DAEMON_PAUSED": "perhaps"}),
    ]
    with embedded.refusing():
        for attempt in attempts:
            with pytest.raises(ClinicalError, match="so nothing may happen"):
                attempt()
    assert embedded.size() == size
    assert len(embedded.instance.get_run_records()) == records
    assert embedded.instance.get_latest_materialization_event(AssetKey("made")) is not None
    assert embedded.instance.get_latest_materialization_event(AssetKey("elsewhere")) is None
    assert len(embedded.instance.all_logs(kept)) > 5
    assert not log.get_dynamic_partitions("wards")
    assert "cpu" not in log.get_concurrency_keys()
    assert "perhaps" not in runs.get_cursor_values({"ASSET_DAEMON_PAUSED"}).values()


@pytest.mark.parametrize("last", ["run.started", "asset.materialized", "run.succeeded"])
def test_a_run_whose_acts_cannot_be_written_never_looks_successful(
    embedded: Site, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = embedded.ledger.store.append
    with ExitStack() as fault:

        def until(acts: Any) -> Any:
            if any(act.action == last for act in acts):
                fault.enter_context(embedded.refusing())
            return append(acts)

        monkeypatch.setattr(embedded.ledger.store, "append", until)
        with pytest.raises(ClinicalError, match="so nothing may happen"):
            embedded.run("days", partition_key="2026-11-01")
    (run,) = embedded.instance.get_runs(limit=1)
    assert run.status != DagsterRunStatus.SUCCESS
    assert last not in embedded.actions()
    records = embedded.instance.get_records_for_run(run.run_id).records
    kinds = [record.event_log_entry.dagster_event_type for record in records]
    assert (DagsterEventType.ASSET_MATERIALIZATION in kinds) == (last == "run.succeeded")


def run_until_it_is_refused(site: Site) -> None:
    while True:  # on a full disk there is still room within the database's own pages
        site.run("days", partition_key="2026-11-02")


def test_a_ledger_on_a_full_disk(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    address = f"sqlite:///{place}/ledger.db"
    with mounted(None, place, "size=512k"), sqlite_site(tmp_path, ledger_url=address) as site:
        site.run("days", partition_key="2026-11-01")
        junk = os.open(place / "junk", os.O_WRONLY | os.O_CREAT)
        with suppress(OSError):
            while True:
                os.write(junk, b"x" * 4096)
        os.close(junk)
        with pytest.raises(ClinicalError, match="so nothing may happen"):
            run_until_it_is_refused(site)
        (place / "junk").unlink()
        succeeded = RunsFilter(statuses=[DagsterRunStatus.SUCCESS])
        shown = {run.run_id for run in site.instance.get_runs(succeeded)}
        assert shown <= {act.subject.id for act in site.acts("run.succeeded")}
        site.verify()
        site.ledger.store.engine.close()


def test_a_ledger_that_can_only_be_read(tmp_path: Path) -> None:
    folder, place = tmp_path / "real", tmp_path / "disk"
    folder.mkdir()
    with sqlite_site(tmp_path, ledger_url=f"sqlite:///{folder}/ledger.db") as site:
        site.run("days", partition_key="2026-11-01")
        site.ledger.store.engine.close()
    with (
        mounted(folder, place, "ro"),
        sqlite_site(tmp_path, ledger_url=f"sqlite:///{place}/ledger.db") as site,
    ):
        with pytest.raises(ClinicalError, match="so nothing may happen"):
            site.run("days", partition_key="2026-11-02")
        assert len(site.instance.get_runs()) == 1, "there is only the one from before"


def test_many_threads_tell_at_once(site: Site) -> None:
    def tell(number: int) -> None:
        for part in range(5):
            site.instance.report_runless_asset_event(AssetMaterialization(f"t{number}p{part}"))

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = {act.subject.id for act in site.acts("asset.materialized")}
    assert told == {f"t{number}p{part}" for number in range(6) for part in range(5)}
    assert all(site.instance.get_latest_materialization_event(AssetKey(name)) for name in told)
    site.verify()


def test_the_actor_is_whoever_is_authenticated_and_never_a_tag(embedded: Site) -> None:
    from clinical_assets.ledger.entry import Actor

    person = Actor("person", "p-17", "Doctor Example", "session")
    tags = {"user": "Somebody Else", "dagster/reporting_user": "Somebody Else"}
    with acting(person):
        embedded.instance.create_run_for_job(defs.resolve_job_def("ops"), tags=tags)
    embedded.instance.create_run_for_job(defs.resolve_job_def("ops"), tags=tags)
    first, second = (act.actor for act in embedded.acts("run.requested"))
    assert (first.kind, first.on_behalf_of) == ("service", "p-17")
    assert (second.kind, second.on_behalf_of) == ("service", "")
    assert b"Somebody Else" not in embedded.bodies()


def test_an_instance_that_writes_no_ledger_or_another_one_is_refused(
    embedded: Site, tmp_path: Path
) -> None:
    place = LedgerPlace.of_settings(embedded.settings)
    require_ledger(embedded.instance, place)
    with (
        DagsterInstance.ephemeral() as other,
        pytest.raises(ClinicalError, match="without the ledger"),
    ):
        require_ledger(other, place)
    elsewhere = LedgerPlace.of_settings(Settings.load(store=tmp_path / "elsewhere"))
    with pytest.raises(ClinicalError, match="another ledger"):
        require_ledger(embedded.instance, elsewhere)


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_act_that_was_interrupted_is_told_by_what_dagster_shows(
    embedded: Site, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after the intention is written: before, or after, Dagster was changed."""
    instance = embedded.instance
    run = embedded.run(asset_selection=[AssetKey("made")]).run_id
    embedded.first = embedded.size()
    new = instance.create_run_for_job(defs.resolve_job_def("ops"))
    instance.run_storage.delete_run(new.run_id)
    attempts: dict[str, Callable[[], object]] = {
        "run.requested": lambda: instance.run_storage.add_run(new),
        "run.deleted": lambda: instance.run_storage.delete_run(run),
        "run.events_deleted": lambda: instance.event_log_storage.delete_events(run),
        "asset.wiped": lambda: instance.event_log_storage.wipe_asset(AssetKey("made")),
    }
    size, append = embedded.size(), embedded.ledger.store.append

    def until(acts: Sequence[Act]) -> Any:
        if acts[0].outcome != "intended":
            raise KilledError
        done = append(acts)
        if moment == "before":
            raise KilledError
        return done

    monkeypatch.setattr(embedded.ledger.store, "append", until)
    for attempt in attempts.values():
        with pytest.raises(KilledError):
            attempt()
    monkeypatch.undo()
    embedded.first = size
    entries, probes = embedded.entries(), dagster_probes(instance)
    assert [entry.act.action for entry in entries] == list(attempts)
    expected = "absent" if moment == "before" else "found"
    assert [probes[e.act.action](e) for e in entries] == [expected] * 4
