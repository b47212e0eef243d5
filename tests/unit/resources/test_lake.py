"""The lake: what was written is what is read, whoever else writes, and nothing else is."""

import errno
import json
import os
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from clinical_assets.canonical import frame_digest
from clinical_assets.errors import ClinicalError
from resources.blobs import open_blobs
from resources.delta.lake import Lake
from resources.delta.log import DeltaLog, TableVersion, chained
from resources.delta.sweep import sweep
from tests.unit.resources.conftest import BUCKET
from tests.unit.resources.faults import kill_after, start, tiny_disk, watched_disk

TIME = pl.Datetime("us", "UTC")
SCHEMA = {
    "flag": pl.Boolean(),
    "count": pl.Int64(),
    "value": pl.Float64(),
    "text": pl.String(),
    "day": pl.Date(),
    "seen_at": TIME,
}
FRAME = pl.DataFrame(
    {
        "flag": [True, None, False],
        "count": [2**63 - 1, None, -(2**63)],
        "value": [float("nan"), None, -0.0],
        "text": ["", None, "ü\n\0"],
        "day": [date(1, 1, 1), None, date(9999, 12, 31)],
        "seen_at": [
            datetime(1900, 1, 1, tzinfo=UTC),
            None,
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ],
    },
    schema=SCHEMA,
)
PART = pl.DataFrame({"x": [1, 2], "s": ["a", "b"]})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "the lake"))


def log_entry(lake: Lake, table: str, version: int) -> Path:
    return Path(lake.url) / table / "_delta_log" / f"{version:020d}.json"


def replace_file(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def test_every_type_comes_back_exactly(lake: Lake) -> None:
    pin = lake.write("all/types", FRAME, note={"run": "1"})
    assert pin == TableVersion("all/types", 0, frame_digest(FRAME), 3)
    read = lake.read("all/types", pin)
    assert read.schema == FRAME.schema
    assert_frame_equal(read, FRAME)
    assert lake.history("all/types")[0].record.note == {"run": "1"}


CELLS = {
    "flag": st.booleans(),
    "count": st.integers(-(2**63), 2**63 - 1),
    "value": st.floats(),
    "text": st.text(max_size=5),
    "day": st.dates(),
    "seen_at": st.datetimes(datetime(1677, 9, 22), datetime(2262, 4, 11), timezones=st.just(UTC)),
}
ROWS = st.lists(st.fixed_dictionaries({n: st.none() | c for n, c in CELLS.items()}), max_size=5)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, more=ROWS)
def test_any_frame_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list, more: list
) -> None:  # type: ignore[type-arg]
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    frame, added = pl.DataFrame(rows, schema=SCHEMA), pl.DataFrame(more, schema=SCHEMA)
    first = lake.write("t", frame)
    second = lake.append("t", added)
    assert first.sha256 == frame_digest(frame)
    assert_frame_equal(lake.read("t", first), frame)
    assert_frame_equal(lake.read("t", second), pl.concat([frame, added]))
    assert lake.read("t", second).schema == frame.schema


def test_old_versions_stay_readable(lake: Lake) -> None:
    pins = [lake.write("t", PART.with_columns(pl.col("x") * n)) for n in range(4)]
    other = lake.write("t", FRAME)  # other columns are a new version like any
    assert [p.version for p in (*pins, other)] == [0, 1, 2, 3, 4]
    for n, pin in enumerate(pins):
        assert lake.read("t", pin)["x"].to_list() == [n, 2 * n]
    assert_frame_equal(lake.read("t"), FRAME)
    assert lake.latest("t") == other
    assert [c.pin for c in lake.history("t")] == [other, *reversed(pins)]


def test_equal_content_has_an_equal_digest(lake: Lake) -> None:
    assert lake.write("t", PART).sha256 == lake.write("u", PART).sha256


def test_append_keeps_the_order_and_chains_the_digest(lake: Lake) -> None:
    digest, pins = "", []
    for n in range(12):  # two-digit versions: text order is not number order
        part = pl.DataFrame({"x": [n, -n]})
        pins.append(lake.append("t", part))
        digest = frame_digest(part) if n == 0 else chained(digest, frame_digest(part))
        assert pins[-1] == TableVersion("t", n, digest, 2 * n + 2)
    assert lake.read("t")["x"].to_list() == [v for n in range(12) for v in (n, -n)]
    assert lake.read("t", pins[4])["x"].to_list() == [v for n in range(5) for v in (n, -n)]
    replaced = lake.write("t", PART)
    assert replaced.sha256 == frame_digest(PART)
    assert lake.append("t", PART).rows == 4
    assert lake.read("t", pins[11]).height == 24


def test_appending_reads_no_old_rows(lake: Lake) -> None:
    for n in range(5):
        lake.append("t", pl.DataFrame({"x": [n]}))
    for parquet in (Path(lake.url) / "t").glob("*.parquet"):
        parquet.unlink()
    assert lake.append("t", pl.DataFrame({"x": [5]})).rows == 6


def test_no_rows(lake: Lake) -> None:
    pin = lake.write("t", FRAME.clear())
    assert lake.read("t", pin).schema == FRAME.schema
    assert pin.rows == 0
    assert lake.query("SELECT count(*) AS n FROM t", t=pin)["n"].to_list() == [0]


def test_another_tool_reads_the_table(lake: Lake, tmp_path: Path) -> None:
    plain = Lake(str(tmp_path / "plain"))
    for n in range(3):
        plain.append("t", PART.with_columns(pl.col("x") + n))
    table = str(tmp_path / "plain" / "t")
    assert_frame_equal(pl.read_delta(table).sort("x", "s"), plain.read("t").sort("x", "s"))
    assert pl.read_delta(table, version=0).height == 2
    assert DeltaTable(table).count() == 6
    configuration = DeltaTable(table).metadata().configuration
    assert configuration["delta.logRetentionDuration"] == "interval 36500 days"


def test_a_checkpoint_leaves_every_version_readable(lake: Lake) -> None:
    pins = [lake.append("t", pl.DataFrame({"x": [n]})) for n in range(101)]
    assert list(log_entry(lake, "t", 0).parent.glob("*checkpoint*.parquet"))
    for pin in (pins[0], pins[99], pins[100]):
        assert lake.read("t", pin)["x"].to_list() == list(range(pin.version + 1))


def test_patients_values_do_not_enter_the_log(lake: Lake) -> None:
    lake.write("t", pl.DataFrame({"name": ["Zarathustra"], "age": [4711]}))
    assert b"Zarathustra" not in log_entry(lake, "t", 0).read_bytes()
    assert b"4711," not in log_entry(lake, "t", 0).read_bytes()


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("c", [datetime(2026, 1, 1)]),
        pl.Series("c", [datetime(2026, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("ns", "UTC")),
        pl.Series("c", [[1]]),
        pl.Series("c", ["a"], dtype=pl.Categorical),
        pl.Series("c", [1], dtype=pl.UInt32),
        pl.Series("c", [None]),
    ],
)
def test_a_type_that_would_not_come_back_is_refused(lake: Lake, column: pl.Series) -> None:
    with pytest.raises(ClinicalError, match=r"cannot hold these columns exactly: c \(.*table t\)"):
        lake.write("t", column.to_frame())
    assert not Path(lake.url).exists()


def test_no_columns(lake: Lake) -> None:
    with pytest.raises(ClinicalError, match="at least one column"):
        lake.write("t", pl.DataFrame())


@pytest.mark.parametrize(
    "name", ["", "/t", "../t", "a//b", "a/../b", ".t", "a b", "t/", "_delta_log"]
)
def test_no_name_for_a_table(lake: Lake, name: str) -> None:
    with pytest.raises(ClinicalError, match="no name for a table"):
        lake.write(name, PART)


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (PART.rename({"x": "y"}), "x, y"),
        (PART.with_columns(z=1), "z"),
        (PART.with_columns(pl.col("x").cast(pl.Float64)), "x"),
        (PART.select("s", "x"), "order only"),
    ],
)
def test_appending_other_columns_is_refused(lake: Lake, frame: pl.DataFrame, named: str) -> None:
    lake.write("t", PART)
    with pytest.raises(ClinicalError, match=f"order: {named} "):
        lake.append("t", frame)
    assert lake.latest("t").version == 0  # type: ignore[union-attr]
    assert len(list((Path(lake.url) / "t").glob("*.parquet"))) == 1


def test_absent_table_and_version(lake: Lake) -> None:
    with pytest.raises(ClinicalError, match=r"no such table in the lake \(table t "):
        lake.read("t")
    assert lake.latest("t") is None
    assert lake.history("t") == ()
    pin = lake.write("t", PART)
    with pytest.raises(ClinicalError, match=r"Version 7 cannot be read .*table t "):
        lake.read("t", TableVersion("t", 7, pin.sha256, 2))


def test_a_pin_that_does_not_fit_is_refused(lake: Lake) -> None:
    pin = lake.write("t", PART)
    lake.write("t", PART.head(1))
    for wrong in (
        TableVersion("t", 1, pin.sha256, 2),
        TableVersion("t", 0, "0" * 64, 2),
        TableVersion("t", 0, pin.sha256, 3),
    ):
        with pytest.raises(ClinicalError, match=rf"Version {wrong.version} of table t is not the"):
            lake.read("t", wrong)


def test_a_changed_file_is_refused(lake: Lake) -> None:
    pin = lake.write("t", PART)
    (file,) = lake.files(pin)
    PART.with_columns(pl.lit(9).alias("x")).write_parquet(Path(file).with_suffix(".new"))
    replace_file(Path(file), Path(file).with_suffix(".new").read_bytes())
    for act in (
        lambda: lake.read("t", pin),
        lambda: lake.read("t"),
        lambda: lake.files(pin),
        lambda: lake.query("SELECT * FROM t", t=pin),
    ):
        with pytest.raises(ClinicalError, match="Version 0 of table t has a changed file"):
            act()


def test_a_missing_file_is_refused(lake: Lake) -> None:
    lake.write("t", PART)
    pin = lake.append("t", PART)
    Path(lake.files(pin)[0]).unlink()
    with pytest.raises(ClinicalError, match="Version 0 of table t lacks its file"):
        lake.read("t", pin)


def forge(lake: Lake, pin: TableVersion, frame: pl.DataFrame, **record: object) -> None:
    """Change a version's file and make the log agree with the file's new SHA-256."""
    from clinical_assets.canonical import sha256

    (file,) = lake.files(pin)
    frame.write_parquet(Path(file).with_suffix(".new"))
    data = Path(file).with_suffix(".new").read_bytes()
    replace_file(Path(file), data)
    entry = log_entry(lake, pin.table, pin.version)
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"]["clinical"] |= {"file_sha256": sha256(data), **record}
        if "add" in line:
            line["add"]["size"] = len(data)
    entry.write_text("\n".join(json.dumps(line) for line in lines))


def test_a_changed_file_with_a_fitting_log_is_refused(lake: Lake) -> None:
    other = PART.with_columns(pl.lit(9).cast(pl.Int64).alias("x"))
    pin = lake.write("t", PART)
    forge(lake, pin, other)
    with pytest.raises(ClinicalError, match="does not have the rows whose digest was committed"):
        lake.read("t", pin)


def test_a_wholly_forged_version_is_refused_by_its_pin(lake: Lake) -> None:
    other = PART.with_columns(pl.lit(9).cast(pl.Int64).alias("x"))
    pin = lake.write("t", PART)
    digest = frame_digest(other)
    forge(lake, pin, other, sha256=digest, own_sha256=digest)
    assert lake.read("t")["x"].to_list() == [9, 9]  # without a pin nothing tells
    for act in (lambda: lake.read("t", pin), lambda: lake.query("SELECT * FROM t", t=pin)):
        with pytest.raises(ClinicalError, match="Version 0 of table t is not the pinned one"):
            act()


def test_a_forged_chain_is_refused(lake: Lake) -> None:
    lake.write("t", PART)
    pin = lake.append("t", PART)
    entry = log_entry(lake, "t", 0)
    digest = frame_digest(PART)
    entry.write_text(entry.read_text().replace(digest, "0" * 64))
    with pytest.raises(ClinicalError, match="Version 1 of table t has a log that contradicts"):
        lake.read("t", pin)


def test_a_log_that_names_another_file_is_refused(lake: Lake) -> None:
    """Other readers follow Delta's entry, this lake its own record: they must be one file."""
    pin = lake.write("t", PART)
    (file,) = lake.files(pin)
    PART.write_parquet(Path(file).with_name("other.parquet"))
    entry = log_entry(lake, "t", 0)
    first, *rest = entry.read_text().splitlines()
    action = [line.replace(Path(file).name, "other.parquet") for line in rest]
    assert "clinical" in first
    entry.write_text("\n".join([first, *action]))
    with pytest.raises(ClinicalError, match="names other files in Delta's log"):
        lake.read("t", pin)


def test_a_version_of_another_tool_is_refused(lake: Lake, tmp_path: Path) -> None:
    plain = Lake(str(tmp_path / "plain"))
    pin = plain.write("t", PART)
    PART.write_delta(str(tmp_path / "plain" / "t"), mode="append")
    with pytest.raises(ClinicalError, match="Version 1 was not written by this lake"):
        plain.read("t")
    assert_frame_equal(plain.read("t", pin), PART)


def test_a_damaged_log_is_refused(lake: Lake) -> None:
    pin = lake.write("t", PART)
    log_entry(lake, "t", 0).write_text("")
    with pytest.raises(ClinicalError, match="table t in"):
        lake.read("t", pin)


def test_full_disk(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk") as disk:
        lake = Lake(str(disk))
        pin = lake.write("t", PART)
        big = pl.DataFrame({"x": list(os.urandom(400_000)), "s": ["é"] * 400_000})
        big = big.with_columns(pl.col("x").cast(pl.Int64) * 7919)
        with pytest.raises(ClinicalError, match="full; nothing was stored"):
            lake.write("t", big)
        assert lake.latest("t") == pin
        assert_frame_equal(lake.read("t"), PART)
        assert lake.write("t", PART).version == 1


def test_full_disk_at_the_commit(tmp_path: Path) -> None:
    """The file still fits, the log entry no longer: the version must not exist."""
    with tiny_disk(tmp_path / "disk", "40k") as disk:
        lake = Lake(str(disk))
        pins: list[TableVersion] = []

        def fill() -> None:
            while len(pins) < 50:
                pins.append(lake.append("t", PART))

        with pytest.raises(ClinicalError, match=r"full|could not be committed"):
            fill()
        assert pins
        assert lake.latest("t") == pins[-1]
        assert lake.read("t").height == 2 * len(pins)


def test_a_file_in_place_of_the_table(lake: Lake) -> None:
    Path(lake.url).mkdir()
    (Path(lake.url) / "t").write_text("a file")
    with pytest.raises(ClinicalError, match="store cannot be used"):
        lake.write("t", PART)


def test_a_log_that_cannot_be_written(lake: Lake) -> None:
    folder = Path(lake.url) / "t"
    folder.mkdir(parents=True)
    (folder / "_delta_log").write_text("a file")
    with pytest.raises(ClinicalError, match=r"could not be committed|cannot be read"):
        lake.write("t", PART)
    assert not list(folder.glob("*.parquet"))


@pytest.mark.parametrize("mode", ["write", "append"])
@pytest.mark.parametrize("step", ["_flush", "_landed", "entry"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.EIO, "the disk failed")])
def test_a_fault_after_the_commit_leaves_the_committed_rows(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, mode: str, step: str, fault: BaseException
) -> None:
    lake.write("t", PART.head(0))

    whole = getattr(DeltaLog, step)

    def fail(log: DeltaLog, version: int, *others: object) -> object:
        if version == 1:
            raise fault
        return whole(log, version, *others)

    add = getattr(lake, mode)
    with monkeypatch.context() as patch:
        patch.setattr(DeltaLog, step, fail)
        with pytest.raises(type(fault)):
            add("t", PART)
    assert_frame_equal(lake.read("t"), PART)
    assert add("t", PART).version == 2


def test_an_interrupt_before_the_commit_leaves_no_file(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = lake.write("t", PART)

    def interrupt(_: DeltaLog) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DeltaLog, "load", interrupt)
        with pytest.raises(KeyboardInterrupt):
            lake.write("t", PART)
    assert [str(p) for p in (Path(lake.url) / "t").glob("*.parquet")] == lake.files(pin)


def test_a_writer_that_is_overtaken_for_the_last_time_leaves_no_file(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = lake.write("t", PART)
    monkeypatch.setattr("resources.delta.lake._ATTEMPTS", 2)
    monkeypatch.setattr(DeltaLog, "commit", lambda *_: None)
    with pytest.raises(ClinicalError, match="Others kept writing"):
        lake.write("t", PART)
    assert [str(p) for p in (Path(lake.url) / "t").glob("*.parquet")] == lake.files(pin)


@pytest.mark.skipif(sys.platform != "linux", reason="open files are named under /proc")
@pytest.mark.parametrize("mode", ["write", "append"])
def test_rows_and_then_their_commit_are_on_disk_before_the_answer(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    lake.write("t", PART)
    with watched_disk(monkeypatch) as seen:
        pin = getattr(lake, mode)("t", PART)
    rows, entry = Path(lake.files(pin)[-1]), log_entry(lake, "t", 1)
    assert [what for what, _ in seen] == ["fsync", "link", "fsync", "fsync", "fsync"]
    assert [path for _, path in seen[1:]] == [rows, rows.parent, entry, entry.parent]
    with watched_disk(monkeypatch) as seen:
        first = getattr(lake, mode)("new", PART)
    rows, entry = Path(lake.files(first)[0]), log_entry(lake, "new", 0)
    assert [path for _, path in seen[-5:]] == [rows, rows.parent, entry, entry.parent, rows.parent]


WRITER = """
import sys
import polars as pl
from resources.delta.lake import Lake
lake, mode, rows = Lake(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("began", flush=True)
for n in range(int(sys.argv[4])):
    pin = getattr(lake, mode)("t", pl.DataFrame({"x": [n] * rows}))
    print(pin.version, pin.sha256, pin.rows, flush=True)
"""


def test_killed_writer_leaves_whole_versions_only(lake: Lake) -> None:
    acknowledged = {}
    for seconds in (0.15, 0.167, 0.4, 1.5):  # the last is enough for a slow machine
        process = start(WRITER, lake.url, "write", "50000", "1000000")
        for line in kill_after(process, seconds)[1:]:
            version, digest, rows = line.split()
            acknowledged[int(version)] = TableVersion("t", int(version), digest, int(rows))
    history = {commit.pin.version: commit.pin for commit in lake.history("t")}
    assert acknowledged
    assert set(acknowledged) <= set(history)
    for version, pin in history.items():
        assert acknowledged.get(version, pin) == pin
        assert lake.read("t", pin).height == 50_000
    assert lake.write("t", PART).version == len(history)  # a new run goes on


@pytest.mark.parametrize("mode", ["write", "append"])
def test_two_writers_at_once_each_get_their_own_version(lake: Lake, mode: str) -> None:
    rivals = [start(WRITER, lake.url, mode, rows, "10") for rows in ("3", "4")]
    said = [rival.communicate()[0].splitlines()[1:] for rival in rivals]
    assert [rival.returncode for rival in rivals] == [0, 0]
    pins = [[TableVersion("t", int(v), d, int(r)) for v, d, r in map(str.split, s)] for s in said]
    assert sorted(p.version for own in pins for p in own) == list(range(20))
    for own, rows in zip(pins, (3, 4), strict=True):
        for n, pin in enumerate(own):
            assert lake.read("t", pin)["x"].to_list()[-rows:] == [n] * rows
    if mode == "append":
        assert lake.read("t").height == 10 * 7


def test_query(lake: Lake) -> None:
    first = lake.write("a", PART)
    lake.write("a", PART.clear())
    times = lake.append("b", FRAME)
    assert lake.query("SELECT sum(x) AS n FROM a", a=first)["n"].to_list() == [3]
    joined = lake.query(
        "SELECT a.x, b.count, b.seen_at FROM a JOIN b ON a.s != b.text ORDER BY a.x, b.count",
        a=first,
        b=times,
    )
    assert joined.schema == {"x": pl.Int64, "count": pl.Int64, "seen_at": TIME}
    assert joined.height == 4
    assert joined["seen_at"].to_list()[0] == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT missing FROM a", 'column "missing" not found'),
        ("SELECT FROM WHERE", "Parser Error"),
        ("SELECT * FROM other", "other does not exist"),
        ("SELECT s::INT FROM a", "statement: ConversionException"),
        ("SELECT * FROM read_csv('/etc/passwd')", "PermissionException"),
        ("COPY a TO 'out.csv'", "must be one SELECT"),
        ("SELECT 1; SELECT 2", "must be one SELECT"),
        ("SET enable_external_access = true", "must be one SELECT"),
    ],
)
def test_query_that_is_refused(lake: Lake, sql: str, message: str) -> None:
    pin = lake.write("a", PART.with_columns(s=pl.lit("confidential")))
    with pytest.raises(ClinicalError, match=message) as caught:
        lake.query(sql, a=pin)
    assert "confidential" not in str(caught.value)


def age(path: Path, days: float) -> None:
    then = time.time() - days * 24 * 3600
    os.utime(path, (then, then))


def days_pass(lake: Lake, table: str, days: float) -> None:
    """Make all that lies in the table's folder so much older."""
    for path in (Path(lake.url) / table).rglob("*"):
        if path.is_file():
            age(path, days)


def left_behind(lake: Lake, table: str, *, days: float) -> tuple[Path, Path]:
    """What killed writers left: a Parquet file without a commit, and half a file."""
    folder = Path(lake.url) / table
    unnamed, half = folder / f"{uuid4().hex}.parquet", folder / ".incoming" / uuid4().hex
    for path in (unnamed, half):
        path.write_bytes(b"rows")
        age(path, days)
    return unnamed, half


def test_what_killed_writers_left_is_swept_once_it_is_old(lake: Lake) -> None:
    pins = [lake.append("t", PART), lake.write("t", PART), lake.append("t", PART)]
    foreign = Path(lake.url) / "t" / "part-0.parquet"
    foreign.write_bytes(b"another tool's")
    days_pass(lake, "t", 3)
    old, young = left_behind(lake, "t", days=2), left_behind(lake, "t", days=0.5)
    pins.append(lake.write("t", PART.head(1)))
    assert [path.exists() for path in (*old, *young, foreign)] == [False, False, True, True, True]
    assert [lake.read("t", pin).height for pin in pins] == [2, 2, 4, 1]
    days_pass(lake, "t", 1.1)  # the young ones too have become old
    lake.append("t", PART)
    assert not any(path.exists() for path in young)
    assert [lake.read("t", pin).height for pin in pins] == [2, 2, 4, 1]


def test_sweeping_costs_what_is_new(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, looked = DeltaLog.files_named, []

    def watched(log: DeltaLog, version: int) -> set[str]:
        looked.append(version)
        return whole(log, version)

    monkeypatch.setattr(DeltaLog, "files_named", watched)
    for _ in range(6):
        lake.append("t", PART)
    assert looked == []  # nothing is old
    days_pass(lake, "t", 9)
    lake.append("t", PART)
    assert looked == [5, 4, 3, 2, 1, 0]  # all are new since the last sweep
    mark = Path(lake.url) / "t" / ".swept"
    age(mark, 5)
    newest = lake.files(lake.latest("t"))[-1]  # type: ignore[arg-type]
    age(Path(newest), 4)
    lake.append("t", PART)
    assert looked[6:] == [6]
    lake.append("t", PART)
    assert looked[7:] == []  # swept today


def test_nothing_is_swept_where_the_log_cannot_tell(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        lake.write("t", PART)
    days_pass(lake, "t", 3)
    unnamed, _ = left_behind(lake, "t", days=2)
    with monkeypatch.context() as patch:
        patch.setattr(DeltaLog, "_actions", lambda log, version: [{"add": "damaged"}])
        log = lake._log("t")
        with pytest.raises(ClinicalError, match="entry of version 2 is damaged"):
            sweep(log, lake._blobs("t"))
    assert len(list(unnamed.parent.glob("*.parquet"))) == 4
    (Path(lake.url) / "t" / "_delta_log").rename(Path(lake.url) / "taken away")
    sweep(log, lake._blobs("t"))
    assert len(list(unnamed.parent.glob("*.parquet"))) == 4


@pytest.fixture
def s3_lake(s3_options: dict[str, str], request: pytest.FixtureRequest) -> Lake:
    return Lake(f"s3://{BUCKET}/{request.node.name}", s3_options)


def test_on_s3(s3_lake: Lake) -> None:
    first = s3_lake.write("a/b", FRAME)
    second = s3_lake.append("a/b", FRAME)
    assert_frame_equal(s3_lake.read("a/b", first), FRAME)
    assert_frame_equal(s3_lake.read("a/b", second), pl.concat([FRAME, FRAME]))
    assert [c.pin for c in s3_lake.history("a/b")] == [second, first]
    assert s3_lake.query("SELECT count(*) AS n FROM t", t=second)["n"].to_list() == [6]
    assert s3_lake.latest("none") is None
    uri = s3_lake.files(second)[0]
    assert uri.startswith("s3://")


def test_what_killed_writers_left_is_swept_on_s3(
    s3_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = s3_lake.write("t", PART)
    blobs = open_blobs(f"{s3_lake.url}/t", s3_lake._options)
    unnamed = f"{uuid4().hex}.parquet"
    blobs.create(unnamed, b"rows")
    s3_lake.append("t", PART)
    assert blobs.exists(unnamed)
    monkeypatch.setattr("resources.delta.sweep.time.time", lambda: time.monotonic() + 4e9)
    s3_lake.append("t", PART)
    assert not blobs.exists(unnamed)
    assert s3_lake.read("t").height == 6
    assert_frame_equal(s3_lake.read("t", pin), PART)


def test_two_writers_at_once_on_s3(s3_lake: Lake) -> None:
    """Two loaded states of one table: the second commit must not overwrite the first."""
    from concurrent.futures import ThreadPoolExecutor

    def write(n: int) -> TableVersion:
        return s3_lake.append("t", pl.DataFrame({"x": [n]}))

    with ThreadPoolExecutor(4) as pool:
        pins = list(pool.map(write, range(8)))
    assert sorted(p.version for p in pins) == list(range(8))
    for n, pin in enumerate(pins):
        assert s3_lake.read("t", pin)["x"].to_list()[-1] == n
    assert sorted(s3_lake.read("t")["x"].to_list()) == list(range(8))
