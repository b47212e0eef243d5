"""The whole chain with lake and snapshots on an S3 server (moto's, which speaks the protocol)."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

pytestmark = pytest.mark.slow
# Joined here, because this file itself travels in every package's source archive.
SECRET = "secret-of-" + "the-test"


def test_a_model_is_released_with_its_tables_and_snapshots_on_s3(tmp_path: Path) -> None:
    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        urllib.request.urlopen(urllib.request.Request(f"{address}/clinical", method="PUT"))
        done = subprocess.run(
            [sys.executable, "-m", "clinical_assets.cli", "demo", "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "AWS_ACCESS_KEY_ID": "key-of-the-test",
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": address,
                "AWS_ALLOW_HTTP": "true",
                "CLINICAL_STORE": str(tmp_path),
                "CLINICAL_LAKE_URL": "s3://clinical/lake",
                "CLINICAL_SNAPSHOTS_URL": "s3://clinical/snapshots",
            },
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(done.stdout)["models"]
    assert model["released"]
    assert not (tmp_path / "lake").exists()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
