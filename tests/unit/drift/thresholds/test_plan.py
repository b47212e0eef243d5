"""What a plan says about thresholds."""

import pytest

from clinical_assets.drift.plan import Plan, read_plan
from clinical_assets.drift.thresholds import Persistence, Thresholds
from clinical_assets.errors import ClinicalError


def test_flat_names_and_the_table_say_the_same():
    assert read_plan("psi = 0.3") == read_plan("[thresholds]\npsi = 0.3") == Plan(psi=0.3)
    assert read_plan("").thresholds == Thresholds()


def test_a_budget_is_read():
    text = """
    columns = ["a"]
    [thresholds]
    kind = "calibrated"
    one_false_alarm_in = "12w"
    persistence = "2 of 3"
    """
    found = read_plan(text)
    assert found.columns == ("a",)
    assert found.thresholds == Thresholds("calibrated", 84.0, Persistence(2, 3))
    assert found.thresholds.windows(7) == 12
    assert found.thresholds.to_dict() == {
        "kind": "calibrated",
        "one_false_alarm_in": "84d",
        "persistence": "2 of 3",
        "statistics": ["psi"],
    }
    text += 'statistics = ["chi2", "ks", "chi2"]'
    assert read_plan(text).thresholds.statistics == ("chi2", "ks")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("thresholds = 3", "a table"),
        ("[thresholds]\nkind = 'magic'", "'magic'"),
        ("[thresholds]\nkind = 'calibrated'\none_false_alarm_in = '90'", "such as `90d`"),
        ("[thresholds]\nkind = 'calibrated'\none_false_alarm_in = '0d'", "such as `90d`"),
        ("[thresholds]\none_false_alarm_in = '90d'", "cannot promise"),
        ("[thresholds]\npersistence = '3 of 2'", "3 of 2"),
        ("[thresholds]\nstatistics = ['ks']", "Constant thresholds are of PSI"),
        ("[thresholds]\nkind = 'calibrated'\nstatistics = 'ks'", "a list of some of psi"),
        ("[thresholds]\nkind = 'calibrated'\nstatistics = []", "a list of some of psi"),
        ("[thresholds]\nkind = 'calibrated'\nstatistics = ['magic']", "a list of some of psi"),
        ("[thresholds]\npersistence = 2", "such as `2 of 3`"),
        ("[thresholds]\nwindow = 2", "nothing named 'window'"),
        ("psi = 0.2\n[thresholds]\npsi = 0.3", "twice"),
        ("[thresholds]\npsi = -1.0", "above 0"),
    ],
)
def test_what_makes_no_sense_is_said(text, words):
    with pytest.raises(ClinicalError, match=words):
        read_plan(text)


def test_a_window_longer_than_the_run_is_refused():
    with pytest.raises(ClinicalError, match="90 days"):
        Thresholds("calibrated").windows(365)
