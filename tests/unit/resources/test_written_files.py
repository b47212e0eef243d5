"""Outputs of commands: whole or not at all, and never over an input."""

from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from resources.written_files import check_output, write_output


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("before")
    write_output(out, "after")
    assert out.read_text() == "after"
    assert list(tmp_path.iterdir()) == [out]


def test_what_stood_there_stands_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.json"
    out.write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resources.written_files.os.fsync", full)
    with pytest.raises(ClinicalError, match="No space left on device"):
        write_output(out, "after")
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_link_leads_to_the_file_and_a_device_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_output(tmp_path / "link", "after")
    assert (tmp_path / "real").read_text() == "after"
    write_output(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()


def test_bad_places_are_refused_before_any_work(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("x\n1\n")
    (tmp_path / "hard.csv").hardlink_to(table)
    delta = tmp_path / "delta"
    delta.mkdir()
    for out in (table, tmp_path / "hard.csv", tmp_path / "." / "table.csv", delta / "x.html"):
        with pytest.raises(ClinicalError, match="overwrite an input"):
            check_output(out, [str(table), str(delta)])
    with pytest.raises(ClinicalError, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(ClinicalError, match="does not exist"):
        check_output(tmp_path / "no" / "x.html")
    check_output(tmp_path / "new.html", [str(table)])
