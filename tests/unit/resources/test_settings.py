"""Settings: defaults, overrides, and what is said of a wrong value."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from resources.settings import Settings, project_root

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("CLINICAL_", "AWS_")):
            monkeypatch.delenv(name)


def test_defaults_lie_under_the_checkout() -> None:
    made = Settings.load()
    store = ROOT / "data" / "store"
    assert project_root() == ROOT
    assert made.store == store
    assert made.lake_url == str(store / "lake")
    assert made.snapshots_url == str(store / "snapshots")
    assert made.mlflow_tracking_uri == f"sqlite:///{store}/mlflow/mlflow.db"
    assert made.mlflow_artifacts == str(store / "mlflow" / "artifacts")
    assert (made.dagster_home, made.packages, made.keys) == (
        store / "dagster",
        store / "packages",
        store / "keys",
    )
    assert made.sources == ROOT / "data" / "sources.toml"
    assert made.models == ()
    assert made.witnesses == (f"folder:{store}/witness",)
    assert made.s3_options == {}


def test_everything_follows_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLINICAL_STORE", "place")
    monkeypatch.setenv("CLINICAL_KEYS", "~/keys")
    monkeypatch.setenv("CLINICAL_PACKAGES", "")  # empty is as good as unset
    made = Settings.load()
    assert made.store == tmp_path / "place"
    assert made.lake_url == str(tmp_path / "place" / "lake")
    assert made.keys == Path.home() / "keys"
    assert made.packages == tmp_path / "place" / "packages"


def test_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINICAL_MODELS", "mine.spec:MODEL, other:MODEL ,")
    assert Settings.load().models == ("mine.spec:MODEL", "other:MODEL")


def test_witnesses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLINICAL_WITNESSES", "folder:w, s3://b/w , ,syslog+tls://log.example")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    made = Settings.load()
    assert made.witnesses == (f"folder:{tmp_path}/w", "s3://b/w", "syslog+tls://log.example")
    assert made.s3_options == {"aws_region": "eu-west-1"}


def test_s3_options_come_from_the_aws_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINICAL_LAKE_URL", "s3://bucket/lake")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://other")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://minio:9000")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    made = Settings.load()
    assert made.s3_options == {
        "aws_endpoint": "http://minio:9000",
        "aws_region": "eu-west-1",
        "aws_allow_http": "true",
    }
    assert "hidden" not in repr(made)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CLINICAL_MODELS", "no_attribute_hidden", "CLINICAL_MODELS must hold entries"),
        ("CLINICAL_LAKE_URL", "gs://hidden/x", "CLINICAL_LAKE_URL must be a folder or s3://"),
        ("CLINICAL_SNAPSHOTS_URL", "s3://u:hidden@b/x", "CLINICAL_SNAPSHOTS_URL must be a folder"),
        ("CLINICAL_WITNESSES", "folder:/w,hidden", "CLINICAL_WITNESSES must hold folder:/path"),
        ("CLINICAL_WITNESSES", "s3://u:hidden@b", "CLINICAL_WITNESSES must hold no credentials"),
        ("CLINICAL_WITNESSES", "folder:/w,folder:/w", "CLINICAL_WITNESSES must name each"),
        ("CLINICAL_STORE", __file__, "CLINICAL_STORE must be a folder, but a file"),
        ("AWS_ALLOW_HTTP", "hidden", "AWS_ALLOW_HTTP input should be a valid boolean"),
        ("AWS_ENDPOINT_URL", "http://u:hidden@h", "AWS_ENDPOINT_URL is plain http"),
    ],
)
def test_wrong_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ClinicalError, match=message) as caught:
        Settings.load()
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert f"Correct or unset {variable}." in str(caught.value)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINICAL_LAKE_URL", "ftp://x")
    monkeypatch.setenv("CLINICAL_MODELS", "x")
    with pytest.raises(ClinicalError, match="unset CLINICAL_LAKE_URL, CLINICAL_MODELS"):
        Settings.load()


def test_repr_hides_credentials_in_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "postgresql://mlflow:hidden@db/mlflow"
    monkeypatch.setenv("CLINICAL_MLFLOW_TRACKING_URI", uri)
    made = Settings.load()
    assert made.mlflow_tracking_uri == uri
    for text in (repr(made), str(made)):
        assert "hidden" not in text
        assert "postgresql://***@db/mlflow" in text


def test_prepare_makes_folders_and_closes_the_keys(tmp_path: Path) -> None:
    made = Settings.load(store=tmp_path / "store")
    made.keys.mkdir(parents=True, mode=0o755)
    made.prepare()
    made.prepare()
    assert stat.S_IMODE(made.keys.stat().st_mode) == 0o700
    for folder in ("lake", "snapshots", "mlflow/artifacts", "dagster", "packages"):
        assert (made.store / folder).is_dir()


def test_prepare_says_which_place_is_taken(tmp_path: Path) -> None:
    made = Settings.load(store=tmp_path / "store")
    made.store.mkdir()
    made.packages.write_text("a file")
    with pytest.raises(ClinicalError, match=r"cannot be made.*packages\)\. Free the path"):
        made.prepare()


def test_import_is_light() -> None:
    code = (
        "import sys, resources.settings;"
        "heavy = ('dagster', 'polars', 'deltalake', 'mlflow', 'cryptography');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_terms_of_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Settings.load()
    assert (made.session_idle_minutes, made.session_hours) == (15, 8)
    monkeypatch.setenv("CLINICAL_SESSION_IDLE_MINUTES", "0")
    monkeypatch.setenv("CLINICAL_SESSION_HOURS", "25")
    with pytest.raises(ClinicalError, match=r"CLINICAL_SESSION_IDLE_MINUTES .*CLINICAL_SESSION_HO"):
        Settings.load()
