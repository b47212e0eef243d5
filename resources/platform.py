"""Facts about the machine and the interpreter that decide what floating-point results come out.

Standard library first: ``python -m resources.platform FILE`` writes the facts of any environment
that the source runs in. Nothing that names a person or a place is collected: no host, user or
folder, no network.
"""

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

FORMAT = "clinical-platform/1"
NUMERIC_LIBRARIES = (
    "numpy",
    "scipy",
    "polars",
    "scikit-learn",
    "skl2onnx",
    "onnx",
    "onnxruntime",
    "mapie",
    "fairlearn",
)
_PREFIXES = ("sse4", "ssse3", "avx", "fma", "f16c", "amx", "asimd", "sve", "neon", "bf16", "i8mm")


def platform_facts() -> dict[str, Any]:
    """Interpreter, operating system, processor and numeric libraries, as plain JSON values.

    Keys: ``format``, ``python_implementation``, ``python_version``, ``system`` (Linux, Darwin,
    Windows), ``kernel`` (its major and minor release), ``libc``, ``machine``, ``byte_order``,
    ``cpu_model``, ``cpu_count`` (logical processors), ``instruction_sets`` (sorted vector
    extensions; None where the system does not tell), ``libraries`` (version by name; None where
    not installed) and ``arithmetic`` (each linear-algebra library of numpy and scipy: version
    and the kernel that it chose for this processor).
    """
    libc = " ".join(part for part in platform.libc_ver() if part)
    return {
        "format": FORMAT,
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
        "system": platform.system(),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "libc": libc or None,
        "machine": platform.machine(),
        "byte_order": sys.byteorder,
        "cpu_model": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "instruction_sets": _instruction_sets(),
        "libraries": {name: _version(name) for name in NUMERIC_LIBRARIES},
        "arithmetic": _arithmetic(),
    }


def describe(facts: dict[str, Any]) -> tuple[str, str]:
    """Interpreter (``CPython 3.11.2``) and platform (``Linux x86_64``) in words, of ``facts``."""
    python = f"{facts['python_implementation']} {facts['python_version']}"
    return python, f"{facts['system']} {facts['machine']}"


def vector_extensions(flags: Iterable[str]) -> list[str]:
    """Those processor flags that numeric libraries choose their code by, sorted.

    >>> vector_extensions(["fpu", "avx2", "SSE4.1", "avx512f"])
    ['avx2', 'avx512f', 'sse4_1']
    """
    plain = {flag.lower().replace(".", "_") for flag in flags}
    return sorted(flag for flag in plain if flag.startswith(_PREFIXES))


def _cpu_fields() -> dict[str, str]:
    """Fields of the first processor in Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _sysctl(name: str) -> str:
    """A value of macOS's sysctl; empty where there is none."""
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu_model() -> str | None:
    fields = _cpu_fields()
    named = fields.get("model name") or fields.get("CPU part")
    return named or _sysctl("machdep.cpu.brand_string") or platform.processor() or None


def _instruction_sets() -> list[str] | None:
    fields = _cpu_fields()
    flags = fields.get("flags") or fields.get("Features")
    if not flags and platform.system() == "Darwin":
        flags = f"{_sysctl('machdep.cpu.features')} {_sysctl('machdep.cpu.leaf7_features')}"
    return vector_extensions(flags.split()) if flags and flags.strip() else None


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _arithmetic() -> list[dict[str, str | None]]:
    """Native linear-algebra libraries by threadpoolctl, without their paths.

    OpenBLAS picks its kernels by the processor; two machines with the same flags may differ.
    numpy and scipy each bring one of their own, known to threadpoolctl once loaded.
    """
    try:
        for module in ("numpy.linalg", "scipy.linalg"):
            importlib.import_module(module)
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        return []
    found = [
        {key: item.get(key) for key in ("internal_api", "version", "architecture")}
        for item in threadpoolctl.threadpool_info()
        if item.get("user_api") == "blas"
    ]
    unique = {json.dumps(item, sort_keys=True): item for item in found}
    return [unique[key] for key in sorted(unique)]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(platform_facts(), sort_keys=True), encoding="utf-8")
