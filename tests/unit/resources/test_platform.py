"""The facts of the platform: what decides results is there, what names a person is not."""

import getpass
import json
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clinical_assets.canonical import canonical_json
from clinical_assets.evidence.reproduction import platform_differences
from resources import platform as facts_module
from resources.platform import describe, platform_facts, vector_extensions

ROOT = Path(__file__).parents[3]


def test_facts_of_this_machine() -> None:
    facts = platform_facts()
    assert facts["python_version"] == platform.python_version()
    assert facts["machine"] == platform.machine()
    assert facts["libraries"]["numpy"]
    assert facts["libraries"]["onnxruntime"]
    assert any(item["architecture"] for item in facts["arithmetic"])
    assert describe(facts) == (
        f"{platform.python_implementation()} {platform.python_version()}",
        f"{platform.system()} {platform.machine()}",
    )


def test_no_host_user_or_path() -> None:
    text = canonical_json(platform_facts()).decode()
    for secret in (socket.gethostname(), str(ROOT), str(Path.home()), sys.prefix):
        assert len(secret) < 4 or secret not in text
    assert f'"{getpass.getuser()}"' not in text
    assert "/" not in text.replace('"clinical-platform/1"', "")


def test_another_process_collects_the_same(tmp_path: Path) -> None:
    """Whatever was imported before: the digest of the package depends on these facts."""
    command = [sys.executable, "-s", "-m", "resources.platform", str(tmp_path / "facts.json")]
    subprocess.run(command, cwd=ROOT, check=True, env={"PYTHONPATH": str(ROOT)})
    there = json.loads((tmp_path / "facts.json").read_text())
    assert there == platform_facts()
    assert platform_differences(there, platform_facts()) == ()


def test_vector_extensions_of_known_processors() -> None:
    x86 = ["fpu", "sse2", "ssse3", "sse4_1", "avx", "f16c", "fma", "avx2", "avx512f", "amx_int8"]
    assert vector_extensions(x86) == sorted(set(x86) - {"fpu", "sse2"})
    arm = ["fp", "asimd", "evtstrm", "aes", "asimdhp", "sve", "i8mm", "bf16"]
    assert vector_extensions(arm) == ["asimd", "asimdhp", "bf16", "i8mm", "sve"]
    assert vector_extensions(["FPU", "SSE4.2", "AVX1.0"]) == ["avx1_0", "sse4_2"]


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "_cpu_fields", dict)
    monkeypatch.setattr(facts_module.platform, "system", lambda: "Other")
    assert platform_facts()["instruction_sets"] is None
