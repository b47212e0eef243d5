"""A user's spec that cannot be imported is one paragraph with file and line, whatever it raises."""

from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.models import load_spec, models


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("\nMODEL = (1,", 2, "SyntaxError: "),
        ("from clinical_assets.modelling.spec import Label\nMODEL = Label()", 2, "TypeError: "),
        ("MODEL = undefined", 1, "NameError: name 'undefined'"),
        ("import json\n\nMODEL = json.loads('{')", 3, "JSONDecodeError: "),
        ("import no_such_library", 1, "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit('bye')", 1, "SystemExit: bye"),
    ],
    ids=["syntax", "field left out", "name", "library", "import", "exit"],
)
def test_any_fault_of_a_spec_is_one_paragraph_with_its_line(
    code: str, line: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"spec_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ClinicalError) as caught:
        load_spec(f"{name}:MODEL")
    said = str(caught.value)
    assert words in said
    assert f"({tmp_path}/{name}.py line {line})" in said
    assert "\n" not in said
    assert "PYTHONPATH" not in said


def test_a_top_package_that_is_not_found_names_the_path() -> None:
    with pytest.raises(ClinicalError, match="Add the folder that holds breast_mass to PYTHONPATH"):
        load_spec("breast_mass.spec:MODEL")


def test_what_is_no_spec_is_refused() -> None:
    with pytest.raises(ClinicalError, match="'json:loads' is not a ClinicalModel"):
        load_spec("json:loads")
    with pytest.raises(ClinicalError, match="has no attribute 'NONE'"):
        load_spec("clinical_assets.diabetes.spec:NONE")


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(ClinicalError, match="Two models are named diabetes"):
        models(("clinical_assets.diabetes.spec:MODEL",))
