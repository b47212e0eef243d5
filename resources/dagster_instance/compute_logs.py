"""What steps print, kept in files of the store and not repeated on the terminal.

Dagster's own manager repeats it through two helper processes for each step; a Ctrl-C kills those
with tracebacks of their own, and what a library prints would spoil the one JSON object of
``clinical demo --json``. A step's page in ``clinical up`` shows the files as before.
"""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file


class QuietComputeLogManager(LocalComputeLogManager):
    """Dagster's local manager without the copy on the terminal."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "QuietComputeLogManager":
        """As Dagster makes it from ``dagster.yaml``."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext, None, None]:
        """Sends both streams to their files for the length of the block."""
        out, err = (
            self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind])
            for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR)
        )
        for path in (out, err):
            ensure_file(path)
        with redirect_to_file(sys.stdout, out), redirect_to_file(sys.stderr, err):
            yield CapturedLogContext(log_key)
        complete: Any = self.complete_artifact_path
        touch_file(complete(log_key))  # tells the UI that nothing follows
