"""`clinical ledger …` on a real small ledger: shown, proven, verified, exported, keys changed."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clinical_assets.cli import cli
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Nothing, Rows
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, sign
from clinical_assets.ledger.entry import Subject, read_entry
from clinical_assets.ledger.merkle import leaf_hash, verify_inclusion
from resources.ledger import Ledger, open_ledger
from resources.ledger_database.reader import Wanted
from resources.settings import Settings
from resources.witnesses.witness import parse_witness

NASTY = "d\x1b[31m\n\u202edoc"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """With three acts of its own, one of a name that a terminal would obey."""
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    opened = open_ledger(Settings.load())
    opened.record("table.read", Subject("table", "m/data", "3", "a" * 64), Rows(7, ("age",), "m/x"))
    opened.record("run.started", Subject("run", NASTY), Nothing())
    opened.record("run.failed", Subject("run", "r-1"), failing(), outcome="failed")
    return opened


def failing() -> object:
    from clinical_assets.ledger.actions import Failing

    return Failing("ValueError")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ledger", *arguments])


def intrude(tmp_path: Path, statement: str) -> None:
    with closing(sqlite3.connect(tmp_path / "store/ledger/ledger.db")) as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
        database.commit()


def test_show_finds_by_subject_actor_action_outcome_and_time(ledger: Ledger) -> None:
    def seqs(*asked: str) -> list[int]:
        shown = run("show", "--json", *asked)
        assert shown.exit_code == 0, shown.output
        return [json.loads(line)["seq"] for line in shown.stdout.splitlines()]

    everything = seqs()
    assert everything == list(range(len(everything)))
    (table,) = seqs("--subject", "table:m/data")
    assert seqs("--subject", "m/data") == [table]
    assert seqs("--action", "run.") == [table + 1, table + 2]
    assert seqs("--outcome", "failed") == [table + 2]
    assert table in seqs("--actor", "local-installation")
    assert seqs("--since", "2200-01-01") == []
    assert seqs("--until", "2200-01-01") == everything
    assert seqs("--newest", "1") == everything[-1:]


def test_what_a_terminal_would_obey_is_written_out(ledger: Ledger) -> None:
    shown = run("tail").output
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"d\u001b[31m\n\u202edoc" in shown


@pytest.mark.parametrize("columns", ["60", "100", "200"])
def test_every_line_tells_its_entry_and_keeps_to_the_width(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    columns_read = tuple(f"column_{number}" for number in range(300))
    about = Subject("table", "m/wide", "3", "b" * 64)
    entry = ledger.record("table.read", about, Rows(7, columns_read, "m/x"), reason="why not")
    monkeypatch.setenv("COLUMNS", columns)
    first, *lines = run("show", "--subject", "m/wide").stdout.splitlines()
    assert first.startswith(f"{entry.seq}  ")
    assert lines
    for line in lines:
        assert line.startswith(f"{entry.seq}  "), line
        assert len(line) <= max(int(columns), 85)  # one detail is never divided
    said = " ".join(lines)
    for part in ("by local-installation", "“why not”", "rows=7", "purpose=m/x"):
        assert part in said
    assert "columns=column_0, column_1" in said
    assert "column_99" not in said


def test_a_digest_is_printed_whole(ledger: Ledger) -> None:
    ledger.record("pool.changed", Subject("policy", "p"), Change("sha256", "c" * 64, "d" * 64))
    shown = run("tail", "-n", "1").stdout
    assert f"before={'c' * 64}" in shown
    assert f"after={'d' * 64}" in shown


def test_prove_says_what_each_value_is(ledger: Ledger) -> None:
    """Every line of the proof has its name, and the proof is that of the JSON form."""
    found = json.loads(run("prove", "2", "--json").stdout)
    lines = run("prove", "2").stdout.splitlines()
    named = dict(line.split(": ", 1) for line in lines if ": " in line and "  by " not in line)
    assert named["hash of the entry (leaf)"].strip() == found["leaf"]
    up = [value.strip() for name, value in named.items() if name.startswith("hash ")][1:]
    assert up == found["proof"]
    assert len(named["root in the checkpoint"].strip()) == 64
    bare = [line for line in lines if len(line.strip()) == 64]
    assert bare == []


def test_verify_says_a_thing_a_line(ledger: Ledger) -> None:
    for line in run("verify").stdout.splitlines():
        assert line[0].isupper(), line


def test_prove_prints_a_proof_that_anyone_can_check(ledger: Ledger) -> None:
    found = json.loads(run("prove", "2", "--json").stdout)
    _, size, root = found["checkpoint"].split("\n")[:3]
    import base64

    leaf = leaf_hash(found["entry"].encode())
    proof = [bytes.fromhex(node) for node in found["proof"]]
    assert found["holds"]
    assert verify_inclusion(2, int(size), leaf, proof, base64.b64decode(root))
    missing = run("prove", "99")
    assert isinstance(missing.exception, ClinicalError)


def test_verify_holds_names_the_bad_entry_and_remembers(ledger: Ledger, tmp_path: Path) -> None:
    good = run("verify", "--json")
    assert (good.exit_code, json.loads(good.stdout)["passed"]) == (0, True)
    newly = json.loads(run("verify", "--new", "--json").stdout)
    assert newly["first"] == json.loads(good.stdout)["entries"]
    assert newly["passed"]
    intrude(
        tmp_path,
        "UPDATE ledger_entries SET body = CAST(replace(CAST(body AS TEXT), 'm/data', 'm/evil')"
        " AS BLOB) WHERE subject_id = 'm/data'",
    )
    bad = run("verify", "--json")
    assert bad.exit_code == 1
    seq = next(
        json.loads(line)["seq"]
        for line in run("show", "--json", "--subject", "m/data").stdout.splitlines()
    )
    problems = json.loads(bad.stdout)["problems"]
    assert seq in [problem["entry"] for problem in problems]


def test_verify_finds_what_is_hidden_from_searches(ledger: Ledger, tmp_path: Path) -> None:
    run("witness", "--publish")
    intrude(tmp_path, "UPDATE ledger_entries SET action = 'x' WHERE subject_id = 'm/data'")
    bad = run("verify")
    assert bad.exit_code == 1
    assert "its column action is not what the entry says" in bad.output or "trigger" in bad.output


def test_an_export_is_verified_alone_with_the_key_from_elsewhere(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = run("key").stdout.strip()
    note = tmp_path / "witnessed.note"
    note.write_text(ledger.store.checkpoint())
    made = run("export", str(tmp_path / "out"), "--as", "all")
    assert made.exit_code == 0, made.output
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "elsewhere"))  # nothing is read there
    arguments = ("verify", "--export", str(tmp_path / "out"), "--key", key)
    assert run(*arguments, "--against", str(note)).exit_code == 0
    assert not (tmp_path / "elsewhere").exists()
    page = tmp_path / "out/audit_trail.html"
    page.write_text(page.read_text().replace("m/data", "m/evil"))
    bad = run(*arguments, "--json")
    assert bad.exit_code == 1
    assert not json.loads(bad.stdout)["passed"]
    assert run("verify", "--export", str(tmp_path / "out")).exit_code == 2  # without a key
    wrong = key[:-4] + ("AAAA" if key[-4:] != "AAAA" else "BBBB")
    assert isinstance(
        run("verify", "--export", str(tmp_path / "out"), "--key", wrong).exception, ClinicalError
    )


def test_a_selection_is_exported_with_its_proofs(ledger: Ledger, tmp_path: Path) -> None:
    made = run("export", str(tmp_path / "out"), "--subject", "m/data")
    assert made.output.startswith("1 entries of clinical-ledger/")
    key = run("key").stdout.strip()
    assert run("verify", "--export", str(tmp_path / "out"), "--key", key).exit_code == 0
    again = run("export", str(tmp_path / "out"))
    assert isinstance(again.exception, ClinicalError)  # never into a folder that holds something


def test_a_selection_within_a_range_says_so_in_what_is_signed(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Else the manifest would vouch for entries that were left out."""
    entries = [read_entry(row.body) for row in ledger.reader.rows()]
    runs = [entry.seq for entry in entries if entry.act.action.startswith("run.")]
    key = run("key").stdout.strip()

    def exported(*options: str) -> tuple[list[int], str, str]:
        folder = tmp_path / "-".join(options)
        made = run("export", str(folder), *options)
        assert made.exit_code == 0, made.output
        verified = run("verify", "--export", str(folder), "--key", key)
        assert verified.exit_code == 0, verified.output
        lines = (folder / "entries.jsonl").read_text().splitlines()
        about = json.loads((folder / "manifest.json").read_text())
        return [json.loads(line)["seq"] for line in lines], about["kind"], about["selected_by"]

    both, one = ("--action", "run."), str(runs[1])
    assert exported(*both) == (runs, "selection", "action run.")
    assert exported(*both, "--to", one) == (runs[:1], "selection", f"action run., to {one}")
    assert exported(*both, "--from", one) == (runs[1:], "selection", f"action run., from {one}")
    assert exported(*both, "--from", "1", "--to", "99")[1:] == (
        "selection",
        "action run., from 1, to 99",
    )
    assert exported(*both, "--to", "0") == ([], "selection", "action run., to 0")
    within = list(range(runs[0], runs[1]))
    assert exported("--from", str(runs[0]), "--to", one) == (within, "range", "")
    for first, end in (("3", "2"), ("0", "9999")):
        refused = run("export", str(tmp_path / end), "--from", first, "--to", end)
        assert "no checkpoint covers entries" in str(refused.exception)
        assert not (tmp_path / end).exists() or not list((tmp_path / end).iterdir())
    told = ledger.reader.proven(Wanted(action="ledger.exported"))
    assert [entry.act.outcome for entry in told[-4:]] == ["intended", "failed"] * 2
    assert "action run., from 1, to 99" in {entry.act.reason for entry in told}


def test_a_rotated_key_signs_and_the_old_one_goes_on_to_count(
    ledger: Ledger, tmp_path: Path
) -> None:
    before = run("key").stdout.strip()
    assert run("key", "rotate", "--reason", "yearly").exit_code == 0
    after, old = run("key").stdout.split()
    assert (old, after != before) == (before, True)
    assert run("verify").exit_code == 0
    kinds = [json.loads(line)["action"] for line in run("show", "--json").stdout.splitlines()]
    assert {"key.retired", "key.created", "ledger.witnessed"} <= set(kinds)


def test_a_lost_key_is_replaced_on_record_only(ledger: Ledger) -> None:
    before = run("key").stdout.strip()
    folder = Settings.load().keys
    (private,) = folder.glob("ledger-*.pem")
    private.unlink()
    assert "private key is gone" in str(run("witness", "--publish").exception)
    found = run("verify")
    assert (found.exit_code, "could not be written down" in found.output) == (1, True)
    assert "the ledger's private key is gone" in found.output
    assert "Holds" not in found.output
    plain = json.loads(run("verify", "--json").stdout)
    assert plain["problems"] == [{"entry": None, "what": "the ledger's private key is gone"}]
    assert "private key is gone" in str(run("key").exception)
    assert not list(folder.glob("ledger-*.pem"))
    done = run("key", "rotate", "--reason", "disk died")
    assert f"Lost:      {before}" in done.stdout
    assert "Retired" not in done.stdout
    after, old = run("key").stdout.split()
    assert (old, after != before) == (before, True)
    assert run("verify").exit_code == 0
    *_, told = run("show", "--action", "key.created", "--json").stdout.splitlines()
    assert json.loads(told)["reason"] == "disk died (the private key was lost)"


def test_a_key_that_is_lost_before_anything_was_done_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the service that acts where nobody is enrolled is in the ledger then."""
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    store = open_ledger(Settings.load()).store
    assert store.head().size == 2
    next(Settings.load().keys.glob("ledger-*.pem")).unlink()
    assert run("key", "rotate", "--reason", "disk died").exit_code == 0
    actions = [json.loads(line)["action"] for line in run("show", "--json").stdout.splitlines()]
    assert actions[:3] == ["ledger.created", "key.created", "key.created"]
    assert run("verify").exit_code == 0


def test_a_stolen_key_is_withdrawn_and_everything_goes_on(ledger: Ledger, tmp_path: Path) -> None:
    """As docs/witnesses.md says: rotate, withdraw, and a checkpoint is published."""
    assert run("witness", "--publish").exit_code == 0
    stolen = run("key").stdout.strip()
    assert run("key", "rotate", "--reason", "stolen").exit_code == 0
    assert run("key", "withdraw", stolen, "--reason", "stolen").exit_code == 0
    (key,) = run("key").stdout.split()
    assert key != stolen
    found = run("verify")
    assert found.exit_code == 0, found.output
    assert "2 checkpoints were signed by a withdrawn key and count for nothing." in found.output
    assert json.loads(run("verify", "--json").stdout)["set_aside"] == 2
    assert run("verify", "--new").exit_code == 0
    assert run("export", str(tmp_path / "out")).exit_code == 0
    assert run("verify", "--export", str(tmp_path / "out"), "--key", key).exit_code == 0


def test_an_older_state_that_is_put_back_contradicts_what_was_verified(
    ledger: Ledger, tmp_path: Path
) -> None:
    """With the database file alone, and no witness that saw more."""
    database = tmp_path / "store/ledger/ledger.db"

    def close() -> None:
        ledger.store.engine.close()
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    close()
    older = database.read_bytes()
    ledger.record("run.started", Subject("run", "r-9"), Nothing())
    assert run("verify").exit_code == 0
    close()
    for path in database.parent.glob("ledger.db*"):
        path.unlink()
    database.write_bytes(older)
    from resources import ledger as module

    for arguments in (("verify", "--new"), ("verify",), ("verify", "--new")):
        module._opened.clear()
        bad = run(*arguments)
        assert bad.exit_code == 1, bad.output
        assert "is not what was there" in bad.output or "is missing" in bad.output


def test_a_verification_goes_on_where_the_head_does_not_fit(ledger: Ledger, tmp_path: Path) -> None:
    intrude(tmp_path, "DELETE FROM ledger_entries WHERE subject_id = 'm/data'")
    bad = json.loads(run("verify", "--json").stdout)
    assert not bad["passed"]
    assert any("is missing; entry" in problem["what"] for problem in bad["problems"])


def test_an_account_that_was_edited_is_found(ledger: Ledger, tmp_path: Path) -> None:
    assert run("verify").exit_code == 0
    intrude(tmp_path, "UPDATE identity_accounts SET record = x'7b7d'")
    assert run("verify").exit_code == 1


def test_a_ledger_that_is_gone_is_not_begun_anew(ledger: Ledger, tmp_path: Path) -> None:
    from resources import ledger as module

    ledger.store.engine.close()
    for path in (tmp_path / "store/ledger").glob("ledger.db*"):
        path.unlink()
    module._opened.clear()
    gone = run("verify")
    assert isinstance(gone.exception, ClinicalError)
    assert "The ledger is gone" in str(gone.exception)


def test_a_cut_tail_contradicts_the_witness(ledger: Ledger, tmp_path: Path) -> None:
    """A whole older state put back: consistent in itself, and the witness knows better."""
    database = tmp_path / "store/ledger/ledger.db"
    ledger.store.engine.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    older = database.read_bytes()
    ledger.record("run.started", Subject("run", "r-9"), Nothing())
    assert run("witness", "--publish").exit_code == 0
    ledger.store.engine.close()
    for path in database.parent.glob("ledger.db*"):
        path.unlink()
    database.write_bytes(older)
    from resources import ledger as module

    module._opened.clear()
    bad = run("verify")
    assert bad.exit_code == 1
    assert "a witness holds a checkpoint" in bad.output
    refused = run("witness", "--publish")
    assert isinstance(refused.exception, ClinicalError)
    assert "another history" in str(refused.exception)


@pytest.mark.parametrize("how", ["--publish", "--status"])
def test_what_lies_at_a_witness_or_does_not_answer_is_told(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    silent, kept = f"folder:{tmp_path}/silent", f"folder:{tmp_path}/kept"
    monkeypatch.setenv("CLINICAL_WITNESSES", f"{kept},{silent}")
    assert run("witness", "--publish").exit_code == 0
    origin = ledger.store.origin
    stranger = SigningKey.generate(origin)
    parse_witness(kept).publish(sign(Checkpoint(origin, 999, bytes(32)), [stranger]))
    (tmp_path / "silent").rename(tmp_path / "away")
    (tmp_path / "silent").write_text("in the way")
    told = run("witness", how)
    assert told.exit_code == 1
    assert "No known key signed the checkpoint of 999 entries" in told.output
    assert f"{silent} did not answer: whether it agrees is not known" in told.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "--since", "yesterday"),
        ("verify", "--key", "x"),
        ("verify", "--new", "--export", "x", "--key", "y"),
        ("export", "x", "--as", "pdf"),
        ("prove", "-1"),
        ("key", "withdraw", "rubbish", "--reason", "x"),
    ],
)
def test_rubbish_is_refused_without_a_traceback(ledger: Ledger, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, (ClinicalError, SystemExit))


def test_a_misspelt_action_or_outcome_is_refused_with_what_may_be_meant(ledger: Ledger) -> None:
    for asked, meant in (
        (("--action", "table.raed"), "table.read"),
        (("--action", "signatures."), "signature."),
        (("--outcome", "refussed"), "refused"),
    ):
        error = run("show", *asked).exception
        assert isinstance(error, ClinicalError)
        assert f"Did you mean {meant}" in error.repair
    assert isinstance(run("show", "--action", "zzz").exception, ClinicalError)
    assert run("show", "--action", "table.read").exit_code == 0
    assert run("show", "--action", "signature.").exit_code == 0  # there are none; it is a kind


def test_a_strangers_note_at_a_witness_is_warned_of_and_fails_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = f"folder:{tmp_path}/kept"
    monkeypatch.setenv("CLINICAL_WITNESSES", kept)
    assert run("witness", "--publish").exit_code == 0
    origin = ledger.store.origin
    forged = Checkpoint(origin, 999, bytes(32))
    parse_witness(kept).publish(sign(forged, [SigningKey.generate(origin)]))
    told = run("verify")
    assert told.exit_code == 0, told.output
    assert "WARNING: 1 note(s) at the witnesses are signed by no key" in told.output
    plain = json.loads(run("verify", "--json").stdout)
    assert (plain["passed"], plain["unknown_notes"]) == (True, 1)
    assert run("verify", "--strict").exit_code == 1
    ours = ledger.store.keys.signing(origin)
    parse_witness(kept).publish(sign(Checkpoint(origin, 998, bytes(32)), [ours]))
    bad = run("verify")
    assert bad.exit_code == 1
    assert "a witness holds a checkpoint of 998 entries" in bad.output


def test_missing_tables_and_triggers_are_named_and_the_line_stays_short(
    ledger: Ledger, tmp_path: Path
) -> None:
    intrude(tmp_path, "DROP TABLE identity_accounts")
    bad = run("verify")
    assert bad.exit_code == 1
    assert "the table identity_accounts of the register is missing" in bad.output
    assert "14 trigger(s) of the database missing or off: " in bad.output
    assert "and 11 more (`clinical ledger check` names all)" in bad.output
