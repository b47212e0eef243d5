"""A release reads evidence, ledger and witnesses afresh: what each fault of them does to it."""

import shutil

import pytest
from dagster import AssetCheckEvaluation, AssetCheckKey, AssetMaterialization

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.stage_fold import version_subject
from clinical_assets.keys import SHA256, ModelKeys, gate_keys
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, sign
from clinical_assets.ledger.entry import read_entry
from resources import ledger as ledger_module
from resources.dagster_instance.home import dagster_instance
from resources.evidence import EvidenceReader
from resources.in_force import InForce
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.recorded.packages import RecordedPackages
from resources.stages import Stages
from resources.witnesses.witness import parse_witness
from tests.graph.small_model import MODEL, SECOND
from tests.graph.whole_run import Store

KEYS = ModelKeys("small")


def shown(store: Store, name: str) -> tuple[bool | None, str]:
    """What a check on the approval record last said."""
    with dagster_instance(store.settings) as instance:
        (found,) = EvidenceReader(instance).gates([AssetCheckKey(KEYS.approval, name)])
    return found.passed, found.summary


def test_the_evidence_is_shown_good_bad_and_empty(store: Store) -> None:
    assert store.materialize("approval") == ""
    assert shown(store, "release_evidence")[0]
    assert shown(store, "release_signatures")[0]
    file = store.package_folder(store.champion()) / "card/model_card.md"
    before = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(before + b" ")
    said = store.materialize("approval")
    assert "Gate release_evidence refused" in said
    assert "changed: card/model_card.md" in said
    file.write_bytes(before)
    forget = "DELETE FROM asset_check_executions"
    store.sql("dagster/storage/history/runs/index.db", forget)
    said = store.materialize("approval")
    assert "was never decided" in said
    assert shown(store, "release_evidence")[0] is False


FLIPPED = (
    "UPDATE ledger_entries SET body = CAST(replace(CAST(body AS TEXT), '\"rows\":632',"
    " '\"rows\":633') AS BLOB) WHERE seq = (SELECT min(seq) FROM ledger_entries WHERE"
    " action = 'table.written' AND CAST(body AS TEXT) LIKE '%\"rows\":632%')"
)


def test_one_changed_byte_in_the_ledger_stops_the_release(store: Store) -> None:
    champion, known = store.champion(), store.ledger.store.head().size
    assert store.ledger.actor.kind == "service"  # read before the byte is changed
    for event in ("update", "delete"):
        store.sql("ledger/ledger.db", f"DROP TRIGGER ledger_entries_no_{event}")
    before = [row.body for row in store.ledger.reader.rows(0)]
    store.sql("ledger/ledger.db", FLIPPED)
    changed = [row.body for row in store.ledger.reader.rows(0)]
    (number,) = [n for n, (a, b) in enumerate(zip(before, changed, strict=True)) if a != b]
    said = store.materialize("release")
    assert f"refused: Entry {number} of the ledger cannot be what was written" in said
    assert said.endswith("The champion is unchanged.")
    assert store.champion() == champion
    acts = [read_entry(row.body).act for row in store.ledger.reader.rows(known)]
    (refused,) = [act for act in acts if act.action == "stage.refused"]
    assert f"Entry {number}" in refused.reason
    assert not [act for act in acts if act.action in ("registry.changed", "stage.changed")]
    # A process that has read nothing yet does not even find out in whose name it acts.
    for read in store.settings.keys.glob("register-read*"):
        read.unlink()
    ledger_module._opened.clear()
    with pytest.raises(ClinicalError, match=f"Entry {number} of the ledger cannot be what was"):
        store.materialize("release")
    assert store.champion() == champion


def test_a_witness_that_contradicts_the_ledger_stops_the_release(store: Store) -> None:
    champion, origin = store.champion(), store.ledger.store.origin
    key = LedgerKeys(store.settings.keys).signing(origin)
    witness = parse_witness(f"folder:{store.folder}/witness")
    witness.publish(sign(Checkpoint(origin, 5, bytes(32)), [key]))
    said = store.materialize("release")
    assert "The ledger does not hold: " in said
    assert said.endswith("The champion is unchanged.")
    assert store.champion() == champion
    (refused,) = store.ledger.reader.proven(Wanted(action="stage.refused"))
    assert "The ledger does not hold" in refused.act.reason


def test_a_witness_that_cannot_be_reached_or_spooled_for_stops_no_release(store: Store) -> None:
    spool = store.settings.ledger_folder / "witnessing"
    shutil.rmtree(spool, ignore_errors=True)
    spool.write_text("in the way")
    before = store.ledger.store.head().size
    assert store.materialize("release") == ""
    with dagster_instance(store.settings) as instance:
        told = EvidenceReader(instance).newest(KEYS.release, "witnesses")
    assert str(told).startswith("not published: ")
    assert "\n" not in str(told)
    spool.unlink()
    assert store.materialize("release") == ""
    with dagster_instance(store.settings) as instance:
        assert EvidenceReader(instance).newest(KEYS.release, "witnesses") == (
            "all have the checkpoint, and none contradicts it"
        )
    notes = list((store.folder / "witness").rglob("*.note"))
    assert notes
    assert store.ledger.store.head().size > before


def test_what_a_stranger_puts_at_a_witness_stops_no_release_and_is_told(store: Store) -> None:
    origin = store.ledger.store.origin
    witness = parse_witness(f"folder:{store.folder}/witness")
    stranger = SigningKey.generate(origin)
    witness.publish(sign(Checkpoint(origin, 10**9, bytes(32)), [stranger]))
    assert store.materialize("release") == ""
    with dagster_instance(store.settings) as instance:
        told = str(EvidenceReader(instance).newest(KEYS.release, "witnesses"))
    assert "No known key signed the checkpoint of 1000000000 entries" in told


@pytest.mark.slow
def test_a_b_and_a_again_are_each_signed_and_become_champion(store: Store) -> None:
    """The same version comes back: it is signed anew for what it replaces, and is in force."""
    champions = [store.champion()]
    for spec in (SECOND, MODEL):
        report = store.run(spec)
        assert report.succeeded, report.failure
        package = report.metadata["package"]
        subject = version_subject("small", str(package["version"]), str(package["digest"]))
        champion = store.champion()
        assert (champion.version, champion.package_sha256) == (subject.version, subject.sha256)
        state = Stages(store.ledger, spec).state(subject)
        assert state.stage == "released"
        assert state.missing == ()
        assert len([s for s in state.signatures if s.standing == "valid"]) >= len(spec.approvals)
        packages = RecordedPackages(store.settings.packages, store.settings.keys, store.ledger)
        in_force = InForce(spec, store.ledger, store.registry, packages)
        assert in_force.problem() == ""
        assert in_force.subject() == subject
        champions.append(champion)
    first, second, third = champions
    assert first.version == third.version != second.version
    assert third.replaces == second.version
    assert first.package_sha256 != third.package_sha256, "it is compared with another champion"
    assert len({c.package_sha256 for c in champions}) == 3
    assert [c.version for c in reversed(store.registry.releases("small"))] == [
        c.version for c in champions
    ]


def test_what_is_only_reported_to_the_server_counts_for_nothing(store: Store) -> None:
    """Whoever reaches Dagster's server can report it, and need not say who they are."""
    keys = gate_keys("small")
    with dagster_instance(store.settings) as instance:
        reader = EvidenceReader(instance)

        def read() -> tuple[object, ...]:
            newest = reader.newest(KEYS.dataset, SHA256), reader.newest(KEYS.package, "digest")
            return reader.gates(keys), newest, reader.newer_than(KEYS.package, [KEYS.dataset])

        before = read()
        for asset in (KEYS.dataset, KEYS.package):
            told = {SHA256: "f" * 64, "digest": "f" * 64}
            instance.report_runless_asset_event(AssetMaterialization(asset, metadata=told))
        for key in keys:
            for passed in (False, True):
                reported = AssetCheckEvaluation(
                    asset_key=key.asset_key, check_name=key.name, passed=passed, metadata={}
                )
                instance.report_runless_asset_event(reported)
        assert read() == before
