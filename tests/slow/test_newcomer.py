"""What a newcomer and an inspector do, as they do it: run, verify, rebuild, tamper, look."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
CHROMIUM = next((p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None)


def clinical(*arguments: str, store: Path, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "clinical_assets.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CLINICAL_STORE": str(store)},
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def released(store: Path) -> dict:
    (model,) = json.loads(clinical("demo", "--json", store=store))["models"]
    return model


def test_the_demo_releases_a_model_with_every_gate_passed(released: dict) -> None:
    assert released["released"]
    assert {gate["passed"] for gate in released["gates"]} == {True}
    assert len(released["gates"]) == 14
    assert set(released) >= {"name", "version", "digest", "package", "card", "gates", "metrics"}


def test_the_same_inputs_give_the_same_package(released: dict, store: Path) -> None:
    (again,) = json.loads(clinical("demo", "--json", store=store))["models"]
    assert again["digest"] == released["digest"]


def test_the_package_verifies_and_a_changed_file_is_named(
    released: dict, store: Path, tmp_path: Path
) -> None:
    clinical("package", "verify", released["package"], store=store)
    copy = tmp_path / Path(released["package"]).name
    shutil.copytree(released["package"], copy)
    with (copy / "spec.json").open("ab") as file:
        file.write(b" ")
    (copy / "notes.txt").write_text("added")
    (copy / "protocol.json").unlink()
    said = clinical("package", "verify", str(copy), store=store, expect=1)
    for words in ("changed: spec.json", "extra: notes.txt", "missing: protocol.json"):
        assert words in said


def test_the_package_rebuilds_in_an_environment_of_its_own(released: dict, store: Path) -> None:
    said = clinical("package", "reproduce", released["package"], "--json", store=store)
    assert json.loads(said)["passed"] is True


@pytest.fixture(scope="module")
def graph(released: dict, store: Path) -> Iterator[str]:
    """Address of a running ``clinical up``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "clinical_assets.cli", "up", "--port", str(port)],
        env={**os.environ, "CLINICAL_STORE": str(store)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/server_info", timeout=2)
                break
            except OSError:
                assert process.poll() is None, "clinical up stopped by itself"
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_graph_answers_with_every_asset_and_its_checks(graph: str, released: dict) -> None:
    query = "{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId } } }"
    request = urllib.request.Request(
        f"{graph}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    nodes = json.loads(urllib.request.urlopen(request, timeout=60).read())["data"]["assetNodes"]
    assert len(nodes) == 14
    assert all(node["assetMaterializations"] for node in nodes)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the pages were not looked at")
def test_the_card_opens_in_a_browser_and_loads_nothing_from_outside(released: dict) -> None:
    page = Path(released["card"])
    shown = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert "Five-year diabetes risk in the Pima figures" in shown
    assert "<svg" in shown
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", shown)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the pages were not looked at")
def test_the_graph_opens_in_a_browser(graph: str) -> None:
    shown = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=30000",
            "--dump-dom",
            f"{graph}/assets/diabetes/evaluation",
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    ).stdout
    assert "evaluation" in shown
    assert "Discrimination, calibration" in shown
