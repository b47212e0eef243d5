"""Bad input and faults in whole runs on real components.

Each case asks the same: one clear paragraph that names the place and the repair, no traceback, no
patient's value anywhere but in the stored data itself, nothing half-written, the champion
unchanged, and a run that completes once the fault is gone.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.runs import RunReport
from resources.lake import Lake
from tests.graph.small_model import MODEL, SECOND
from tests.graph.whole_run import RAW, Store, mounted

TRAIN, TEST = "pima_train.csv", "pima_test.csv"
# Stand for an identifier and for a measurement of a patient; neither occurs by chance.
# Joined here, because this file itself travels in every package's source archive.
NAME, FIGURE = "Mrs-Canary-" + "5f1c77", "5984" + "37719"
Change = Callable[[dict[str, bytes]], None]


def lines(name: str, edit: Callable[[list[str]], list[str]]) -> Change:
    """A change of one file, line by line; line 0 is the header."""

    def change(files: dict[str, bytes]) -> None:
        files[name] = ("\n".join(edit(files[name].decode().splitlines())) + "\n").encode()

    return change


def cell(name: str, line: int, column: int, value: str) -> Change:
    """One field of one file set to ``value``."""

    def edit(found: list[str]) -> list[str]:
        fields = found[line].split(",")
        fields[column] = value
        return [*found[:line], ",".join(fields), *found[line + 1 :]]

    return lines(name, edit)


def without_bmi(found: list[str]) -> list[str]:
    return [",".join(x for i, x in enumerate(line.split(",")) if i != 4) for line in found]


def with_name_column(found: list[str]) -> list[str]:
    return [found[0] + ",patient", *(f"{line},{NAME}" for line in found[1:])]


def not_utf8(files: dict[str, bytes]) -> None:
    head, row, rest = files[TRAIN].split(b"\n", 2)
    files[TRAIN] = b"\n".join([head, NAME.encode() + b"\xe9" + row, rest])


def emptied(files: dict[str, bytes]) -> None:
    files[TEST] = b""


def patient_in_both(files: dict[str, bytes]) -> None:
    row = files[TEST].splitlines()[5]
    files[TRAIN] += row + b"\n"


def row_twice(files: dict[str, bytes]) -> None:
    files[TRAIN] += files[TRAIN].splitlines()[5] + b"\n"


BAD_FILES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "missing column": (lines(TRAIN, without_bmi), ("column 'bmi' is missing", f"{TRAIN}, line 1")),
    "extra column": (
        lines(TRAIN, with_name_column),
        ("unexpected column 'patient' at position 9", f"{TRAIN}, line 1"),
    ),
    "renamed column": (
        lines(TEST, lambda found: [found[0].replace("glu", "glucose"), *found[1:]]),
        ("column 'glu' is missing", "'glucose' at position 2", f"{TEST}, line 1"),
    ),
    "no header": (
        lines(TRAIN, lambda found: [f"{NAME},{FIGURE},1,1,1,1,1,No", *found[1:]]),
        ("holds none of the declared column names", f"{TRAIN}, line 1"),
    ),
    "wrong type": (
        cell(TRAIN, 7, 1, NAME),
        ("Column 'glu': 1 value is not a whole number (line 8)", TRAIN),
    ),
    "ragged row": (
        lines(TEST, lambda found: [*found[:3], f"{found[3]},{NAME}", *found[4:]]),
        ("Line 4 does not have the 8 fields", TEST),
    ),
    "out of range": (
        cell(TEST, 7, 1, FIGURE),
        (
            "dataset_contract refused",
            "column 'glucose_mg_per_dl': values outside 20 to 600 mg/dL: 1 (row 307)",
            f"{TEST} 301 to 632",
        ),
    ),
    "duplicate row": (
        row_twice,
        ("dataset_contract refused", "rows that repeat an earlier row: 1 (row 301)", TRAIN),
    ),
    "empty file": (emptied, ("The file is empty", TEST)),
    "not UTF-8": (not_utf8, ("not UTF-8: the byte at line 2, column 'npreg'", TRAIN)),
    "one patient in both splits": (
        patient_in_both,
        (
            "split_independence refused",
            "test rows with the same measurements as a train row: 1 (row 306 of the dataset)",
        ),
    ),
}


@pytest.fixture(scope="module")
def shared(released: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One copy for every bad file: failed runs pile up in it as they would in life."""
    store = released.copy(tmp_path_factory.mktemp("shared") / "store")
    yield store
    shutil.rmtree(store.folder, ignore_errors=True)


def assert_clear(message: str, *words: str) -> None:
    """One paragraph for people that holds ``words`` and no value of a patient."""
    for word in words:
        assert word in message, message
    assert message.endswith("."), message
    assert "\n" not in message, message
    assert not re.search(r"Traceback|^\w+Error:|\[Errno|0x[0-9a-f]{6,}|\[SQL", message), message
    assert NAME not in message, message
    assert FIGURE not in message, message


def assert_refused(store: Store, report: RunReport, *words: str) -> None:
    """The run failed clearly and left the champion, and no debris."""
    assert not report.succeeded
    assert_clear(report.failure, *words)
    assert store.leftovers() == []
    assert "release" not in report.metadata


@pytest.mark.parametrize(("change", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_by_name_place_and_repair(
    shared: Store, change: Change, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    champion = shared.champion()
    versions = Lake(str(shared.folder / "lake")).history("small/features")
    shared.register(change)
    report = shared.run()
    assert_refused(shared, report, *words)
    assert shared.champion() == champion
    # No table downstream of the refusal was written, and no package was made.
    written = Lake(str(shared.folder / "lake")).history("small/features")
    assert written == versions
    assert len(list((shared.folder / "packages/small").glob("*.zip"))) == 1
    # The canaries are in the data that was given and nowhere else: no database, log or terminal.
    said = capfd.readouterr()
    assert NAME not in said.out + said.err
    assert FIGURE not in said.out + said.err
    for canary in (NAME, FIGURE):
        assert shared.mentions(canary) == []
    shared.unregister()


@pytest.mark.slow
def test_after_bad_files_a_run_completes(shared: Store) -> None:
    champion = shared.champion()
    shared.register(cell(TRAIN, 7, 1, NAME))
    assert not shared.run().succeeded
    shared.unregister()
    report = shared.run()
    assert report.succeeded, report.failure
    assert shared.champion() == champion
    assert all(gate.passed and gate.current for gate in report.gates)


def test_a_changed_file_of_a_registered_source_is_refused(store: Store) -> None:
    store.register(lambda files: None)
    file = store.folder / "register/raw/pima" / TRAIN
    file.write_bytes(file.read_bytes().replace(b"86", b"87", 1))
    found = sha256(file.read_bytes())
    champion = store.champion()
    report = store.run()
    assert_refused(store, report, "its SHA-256 is " + found, f"file {TRAIN}", "Obtain the file")
    assert store.champion() == champion
    file.write_bytes((RAW / TRAIN).read_bytes())
    assert store.materialize("source", "dataset", "split") == ""


def careless(files: Mapping[str, bytes]) -> pl.DataFrame:
    """A user's own reader whose library quotes the value that it stumbles over."""
    return pl.DataFrame({"glu": [NAME]}).cast({"glu": pl.Int64})


def test_the_words_of_a_users_own_reader_are_withheld(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(pl.exceptions.PolarsError, match=NAME):
        careless({})
    report = store.run(replace(MODEL, read=careless))
    assert_refused(store, report, "InvalidOperationError", "test_faults line", "withheld", TRAIN)
    said = capfd.readouterr()
    assert NAME not in said.out + said.err
    assert store.mentions(NAME) == []


@pytest.mark.parametrize(
    ("events", "words"),
    [(0, "0 events"), pytest.param(5, "suppressed", marks=pytest.mark.slow)],
)
def test_too_little_evidence_is_a_refusal_and_not_a_number(
    store: Store, events: int, words: str
) -> None:
    """Without events AUROC and its fellows are undefined: None with a reason, never NaN."""

    def few(found: list[str]) -> list[str]:
        sick = [line for line in found if line.endswith("Yes")]
        return [line for line in found if not line.endswith("Yes")] + sick[:events]

    champion = store.champion()
    store.register(lines(TEST, few))
    assert store.materialize("source", "dataset", "split", "feature_recipe", "features") == ""
    judged = ("candidate", "protocol", "test_predictions", "evaluation")
    said = store.materialize(*judged, spec=SECOND)  # has the champion for its rival
    for gate in ("performance", "calibration", "uncertainty", "subgroup_floor"):
        assert f"Gate {gate} refused" in said
    assert "Gate champion_regression refused: no interval of the difference" in said
    assert words in said
    assert not re.search(r"\bnan\b", said, re.IGNORECASE)
    assert store.champion() == champion
    assert not store.history()[0].champion


def damage(path: Path) -> bytes:
    """Flips one bit in the middle of a file; its bytes before."""
    before = path.read_bytes()
    data = bytearray(before)
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    return before


def test_a_changed_lake_file_stops_the_next_step_and_a_rerun_mends(store: Store) -> None:
    pin = Lake(str(store.folder / "lake")).latest("small/features")
    assert pin is not None
    (file,) = Lake(str(store.folder / "lake")).files(pin)
    damage(Path(file.removeprefix("file://")))
    said = store.materialize("candidate")
    assert_clear(said, "table small/features has a changed file", "restore the table")
    # What reads the damaged version is refused; the asset that makes it writes a new one.
    assert store.materialize("features") == ""
    assert store.materialize("candidate") == ""


def test_a_changed_snapshot_stops_the_next_step(store: Store) -> None:
    onnx = store.champion().onnx_sha256
    file = store.folder / "snapshots" / onnx[:2] / onnx
    before = damage(file)
    said = store.materialize("test_predictions")
    assert_clear(said, "snapshot store was changed or truncated", onnx, "restore the object")
    file.write_bytes(before)
    assert store.materialize("test_predictions") == ""


def test_a_tracking_store_that_does_not_answer_is_not_taken_for_no_champion(store: Store) -> None:
    """Else any candidate would pass as the first release while the database is down."""
    champion = store.champion()
    store.sql("mlflow/mlflow.db", "ALTER TABLE registered_model_aliases RENAME TO away")
    said = store.materialize("test_predictions")
    assert_clear(said, "The tracking store refused a request", "mlflow.db")
    store.sql("mlflow/mlflow.db", "ALTER TABLE away RENAME TO registered_model_aliases")
    assert store.champion() == champion


def test_a_lost_champion_alias_is_not_taken_for_no_champion(store: Store) -> None:
    store.sql("mlflow/mlflow.db", "DELETE FROM registered_model_aliases")
    assert_clear(store.materialize("test_predictions"), "MLflow names none", "model small")
    assert_clear(store.materialize("release"), "MLflow names none", "Set the alias")


def test_a_store_that_cannot_be_written_is_one_paragraph(store: Store, tmp_path: Path) -> None:
    champion = store.champion()
    with mounted(store.folder, tmp_path / "read-only", "ro") as place:
        with pytest.raises(ClinicalError) as caught:
            Store(place).run()
        assert_clear(str(caught.value), str(place), "Read-only", "that you can write")
    assert store.champion() == champion
    assert store.materialize("source", "dataset") == ""


def test_a_file_in_place_of_a_folder_of_the_store_is_one_paragraph(store: Store) -> None:
    champion = store.champion()
    shutil.move(store.folder / "lake", store.folder / "lake.away")
    (store.folder / "lake").write_text("not a folder")
    with pytest.raises(ClinicalError) as caught:
        store.run()
    assert_clear(str(caught.value), str(store.folder / "lake"), "set CLINICAL_STORE")
    (store.folder / "lake").unlink()
    shutil.move(store.folder / "lake.away", store.folder / "lake")
    assert store.champion() == champion
    assert store.materialize("source", "dataset") == ""


@pytest.mark.parametrize(
    "free_kib", [0, 300, *(pytest.param(kib, marks=pytest.mark.slow) for kib in (900, 2500))]
)
def test_a_full_disk_is_one_paragraph_and_a_run_completes_once_there_is_room(
    released: Store, tmp_path: Path, free_kib: int
) -> None:
    """The less is free, the earlier it strikes: Dagster's database, lake, MLflow's files."""
    size = sum(-(-f.stat().st_size // 4096) * 4 for f in released.folder.rglob("*")) + 64
    with mounted(None, tmp_path / "disk", f"size={size + 4096}k") as disk:
        store = released.copy(disk / "store")
        champion = store.champion()
        free = shutil.disk_usage(disk).free // 1024
        (disk / "ballast").write_bytes(bytes(max(0, free - free_kib) * 1024))
        try:
            report = store.run()
            assert not report.succeeded
            said = report.failure
        except ClinicalError as error:
            said = str(error)
        assert_clear(said)
        assert re.search(r"full|No space|space", said), said
        assert "not foreseen" not in said, said
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", f"remount,size={size + 40_000}k", str(disk)], check=True)
        assert store.champion() == champion
        assert store.leftovers() == []
        assert store.materialize("source", "dataset", "split") == ""
        if free_kib == 900:
            assert store.run().succeeded
