"""An S3 service of the tests' own (moto's server with one bucket), and ledgers of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.resources.ledgers import LedgerInUse, empty, postgresql_database

if TYPE_CHECKING:
    from tests.unit.resources.small_store import Filled

BUCKET = "clinical-bucket"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a running service that holds the empty bucket :data:`BUCKET`."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()


@pytest.fixture
def s3_options(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options as ``Settings.s3_options`` gives them; credentials are in the environment."""
    from resources.settings import Settings

    for name in ("AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = Settings.load(lake_url=f"s3://{BUCKET}/lake").s3_options
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # what reaches the libraries must be the options
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    return options


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL database of the module's own."""
    with postgresql_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def in_use(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerInUse:
    """A ledger that is not begun yet, on each kind of database."""
    if request.param == "sqlite":
        return LedgerInUse(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    url = request.getfixturevalue("postgresql_url")
    empty(url)
    return LedgerInUse(url, tmp_path)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> "Filled":
    """A small installation in which every store holds something; tests copy it."""
    from tests.unit.resources.small_store import filled_store

    return filled_store(tmp_path_factory.mktemp("filled") / "store")
