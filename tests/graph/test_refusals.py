"""Refusals: what must not be released is not released by any path, and the refusal is kept.

A worse candidate, criteria changed after they were frozen, missing, failed or stale evidence, and
a package or a champion that was tampered with, in whole runs on real components.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from dagster import AssetCheckEvaluation, DagsterEvent, DagsterEventType, MetadataValue

from clinical_assets.cli import main
from clinical_assets.gates import GATES
from clinical_assets.keys import ASSETS, JUDGED, SHA256, gate_keys
from clinical_assets.runs import RunReport
from resources.dagster_instance.home import dagster_instance
from resources.evidence import EvidenceReader
from resources.ledger_database.reader import Wanted
from tests.graph.small_model import ACCEPTANCE, MODEL, SECOND, STUMP
from tests.graph.whole_run import Store

LAXER = replace(MODEL, acceptance=replace(ACCEPTANCE, champion_margin=0.5))


@pytest.fixture(scope="module")
def worse(
    released: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, RunReport]]:
    """A store in which a worse candidate was tried against the champion; not to be changed."""
    store = released.copy(tmp_path_factory.mktemp("worse") / "store")
    yield store, store.run(STUMP)
    shutil.rmtree(store.folder, ignore_errors=True)


def test_a_worse_candidate_does_not_replace_the_champion(
    released: Store, worse: tuple[Store, RunReport]
) -> None:
    store, report = worse
    assert not report.succeeded
    assert report.failure.startswith("Gate champion_regression refused: auroc minus champion")
    assert "largest plausible loss" in report.failure
    assert "margin 0.03" in report.failure
    refused = [gate.gate for gate in report.gates if gate.passed is False]
    undecided = [gate.gate for gate in report.gates if gate.passed is None]
    assert refused == ["champion_regression"]
    assert undecided == ["card_complete", "package_intact", "reproducibility"]
    assert store.champion() == released.champion()
    assert len(store.registry.releases("small")) == 1


def test_nothing_is_made_behind_the_gate_that_refused(worse: tuple[Store, RunReport]) -> None:
    store, report = worse
    assert not {"model_card", "package", "release"} & set(report.metadata)
    assert len(list((store.folder / "packages/small").glob("*.zip"))) == 1
    assert store.leftovers() == []


def test_the_refusal_is_kept_and_shown(
    worse: tuple[Store, RunReport],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store, _ = worse
    newest, oldest = store.history()
    assert newest.status == "FAILED"
    assert not newest.champion
    assert newest.gates["champion_regression"].startswith("refused: auroc minus champion")
    assert oldest.champion
    assert oldest.status == "FINISHED"
    monkeypatch.setenv("CLINICAL_STORE", str(store.folder))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.argv", ["clinical", "history", "small"])
    main()
    shown = " ".join(capsys.readouterr().out.split())
    assert newest.version in shown
    assert "champion_regression: auroc minus champion" in shown
    assert "margin 0.03" in shown


def test_a_release_behind_a_failed_gate_is_refused_alone_too(
    worse: tuple[Store, RunReport], tmp_path: Path
) -> None:
    store = worse[0].copy(tmp_path / "store")
    champion = store.champion()
    said = store.materialize("release", spec=STUMP)
    assert "gate champion_regression of small/evaluation refused" in said
    assert "gate package_intact of small/package was never decided" in said
    assert "the package is older than" in said
    assert said.endswith("The champion is unchanged.")
    assert store.champion() == champion


def test_the_champion_itself_passes_again_after_a_refusal(store: Store) -> None:
    """A release alone, with nothing changed since, is no new release."""
    champion = store.champion()
    assert store.materialize("release") == ""
    assert store.champion() == champion
    assert len(store.registry.releases("small")) == 1


@pytest.mark.slow
def test_an_equally_good_candidate_replaces_the_champion_and_names_it(store: Store) -> None:
    before = store.champion()
    report = store.run(SECOND)
    assert report.succeeded, report.failure
    after = store.champion()
    assert after.version != before.version
    assert after.replaces == before.version
    assert [found.champion for found in store.history()] == [True, False]


def test_criteria_changed_after_the_freeze_void_the_evaluation(store: Store) -> None:
    """Frozen and evaluated under one spec, judged under another."""
    said = store.materialize("evaluation", spec=LAXER)
    assert (
        "Gate protocol_unchanged refused: the criteria were changed after they were frozen" in said
    )
    kept = store.history()[0].gates["protocol_unchanged"]
    assert kept.startswith("refused: the criteria were changed")


def test_criteria_changed_after_the_freeze_void_the_release(store: Store) -> None:
    champion = store.champion()
    said = store.materialize("release", spec=LAXER)
    assert "the acceptance criteria were changed after they were frozen" in said
    assert store.history()[0].gates["release"].startswith("refused: the acceptance criteria")
    # And back: the release passes, and the refusal is still there.
    assert store.materialize("release") == ""
    assert store.champion() == champion
    (candidate,) = store.history()
    assert candidate.gates["release"].startswith("passed")
    assert [text.partition(";")[0] for text in candidate.earlier] == [
        "release: refused: the acceptance criteria were changed after they were frozen"
    ]


@pytest.mark.parametrize("asset", ["dataset", "features"])
def test_a_package_older_than_its_evidence_is_not_released(store: Store, asset: str) -> None:
    assert store.materialize(asset) == ""
    said = store.materialize("release")
    assert f"the package is older than small/{asset}; build it again" in said
    assert store.history()[0].gates["release"].startswith("refused: ")


def test_a_gate_that_was_never_decided_refuses(store: Store) -> None:
    forget = "DELETE FROM asset_check_executions WHERE check_name = 'reproducibility'"
    store.sql("dagster/storage/history/runs/index.db", forget)
    said = store.materialize("release")
    assert "gate reproducibility of small/package was never decided" in said


def test_a_gate_that_was_decided_about_an_older_value_refuses(store: Store) -> None:
    """Another package is built, and only the release is asked for: its gates are of the old."""
    other = replace(MODEL, title="Another title, hence another package")
    assert store.materialize("package", spec=other, gates=False) == ""
    said = store.materialize("release")
    assert "gate package_intact of small/package was decided about an older small/package" in said


@pytest.mark.slow
def test_a_candidate_that_another_overtook_is_not_released(store: Store) -> None:
    """Two candidates at once, both better than the old champion: the second must meet the first."""
    before = store.champion()
    build = [name for name in ASSETS if name != "release"]
    assert store.materialize(*build, spec=SECOND) == ""
    # In the meantime another becomes champion; the candidate was never compared with it.
    store.recorded_registry.release("small", before.version, "f" * 64, "e" * 64)
    said = store.materialize("release", spec=SECOND)
    assert (
        f"it was compared with {before.version}, but now {before.version} is to be matched" in said
    )
    assert store.champion().onnx_sha256 == "e" * 64


def test_a_champion_that_the_ledger_does_not_know_stops_every_comparison(store: Store) -> None:
    """Somebody moved MLflow's alias by hand: found, written down, and nothing goes on."""
    champion = store.champion()
    store.registry.release("small", champion.version, "f" * 64, "e" * 64)
    for asset in ("test_predictions", "release"):
        said = store.materialize(asset)
        assert "The champion to compare with is in doubt: MLflow calls" in said
        assert "(ffffffff) champion, the ledger holds" in said
    (found,) = store.ledger.reader.proven(Wanted(action="registry.contradicted"))
    assert found.act.subject.sha256 == champion.package_sha256


@pytest.mark.slow
def test_a_gate_forged_in_dagsters_event_log_does_not_release(
    worse: tuple[Store, RunReport], tmp_path: Path
) -> None:
    """Whoever can write events can claim that a gate passed; it is decided again at the release."""
    store = worse[0].copy(tmp_path / "store")
    champion = store.champion()
    rest = ("model_card", "package")
    assert store.materialize(*rest, spec=STUMP) == ""
    forge(store, "champion_regression")
    assert store.gates()["champion_regression"].passed
    said = store.materialize("release", spec=STUMP)
    assert "gate champion_regression does not hold when it is decided again" in said
    assert store.champion() == champion


def forge(store: Store, *gates: str) -> None:
    """Claims in Dagster's event log that a run found that these gates pass what is there now."""
    with dagster_instance(store.settings) as instance:
        run = instance.get_runs(limit=1)[0].run_id
        for key in gate_keys("small"):
            if key.name in gates:
                digest = EvidenceReader(instance).newest(key.asset_key, SHA256)
                claimed = AssetCheckEvaluation(
                    key.asset_key,
                    key.name,
                    passed=True,
                    metadata={JUDGED: MetadataValue.text(str(digest))},
                    blocking=True,
                )
                kind = DagsterEventType.ASSET_CHECK_EVALUATION.value
                event = DagsterEvent(kind, "claimed", event_specific_data=claimed)
                instance.report_dagster_event(event, run)


def leaking(rows: pl.DataFrame) -> pl.DataFrame:
    """Features that read the outcome."""
    return MODEL.derive(rows).with_columns(
        glucose_mg_per_dl=pl.col("glucose_mg_per_dl") + rows["diabetes"].cast(pl.Int64)
    )


@pytest.mark.slow
def test_all_gates_forged_do_not_release_a_model_that_reads_the_outcome(store: Store) -> None:
    champion = store.champion()
    spec = replace(MODEL, derive=leaking)
    made = [name for name in ASSETS if name != "release"]
    assert store.materialize(*made, spec=spec, gates=False) == ""
    forge(store, *GATES)
    said = store.materialize("release", spec=spec)
    assert "gate no_target_leakage does not hold when it is decided again" in said
    assert store.champion() == champion


def test_a_lost_mlflow_database_does_not_make_a_worse_model_the_first_release(
    store: Store,
) -> None:
    (store.folder / "mlflow/mlflow.db").unlink()
    report = store.run(STUMP)
    assert not report.succeeded
    assert "as champion, MLflow names none" in report.failure
    assert store.champion() is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model/model.onnx", "package: changed: model/model.onnx"),
        ("card/model_card.md", "package: changed: card/model_card.md"),
        ("manifest.json", "its digest is not the one recorded when it was built"),
    ],
)
def test_one_changed_byte_in_the_package_stops_the_release(
    store: Store, name: str, words: str
) -> None:
    folder = store.package_folder(store.champion())
    flip(folder / name)
    said = store.materialize("release")
    assert words in said
    assert said.endswith("The champion is unchanged.")


def test_an_added_and_a_missing_file_stop_the_release(store: Store) -> None:
    folder = store.package_folder(store.champion())
    (folder / "note.txt").write_text("added")
    (folder / "spec.json").unlink()
    said = store.materialize("release")
    assert "package: missing: spec.json" in said
    assert "package: extra: note.txt" in said


def test_a_champion_that_was_tampered_with_stops_the_comparison_until_restored(
    store: Store,
) -> None:
    """The next candidate is not measured against it, nor waved through as a first release."""
    champion = store.champion()
    onnx = store.package_folder(champion) / "model/model.onnx"
    before = flip(onnx)
    assert store.materialize("candidate", "protocol", spec=SECOND) == ""
    said = store.materialize("test_predictions", spec=SECOND)
    assert "The released package is not what was released: changed: model/model.onnx" in said
    assert f"model small {champion.version}" in said
    assert "Restore the package folder from its zip or from a backup" in said
    assert store.champion() == champion
    onnx.write_bytes(before)
    assert store.materialize("test_predictions", spec=SECOND) == ""


def test_a_champion_whose_package_is_gone_stops_the_comparison(store: Store) -> None:
    champion = store.champion()
    folder = store.package_folder(champion)
    folder.rename(folder.with_name("away"))
    assert store.materialize("candidate", "protocol", spec=SECOND) == ""
    said = store.materialize("test_predictions", spec=SECOND)
    assert folder.name in said
    assert store.champion() == champion


def flip(path: Path) -> bytes:
    """Changes one letter or bit in the middle of a file; its bytes before."""
    before = path.read_bytes()
    data = bytearray(before)
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    return before
