"""Stores that tests of whole runs share: one release made once, copied for each test."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.graph.whole_run import ROOT, Store


@pytest.fixture(scope="session", autouse=True)
def importable_spec() -> Iterator[None]:
    """The reproducibility gate's fresh process must find `tests.graph.small_model`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("DAGSTER_HOME", "")  # so that what runs set is taken back
        # MLflow prints a traceback whenever its database refuses, which is tried here.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        yield


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory, importable_spec: None) -> Store:
    """A store in which the small model was released; not to be changed."""
    store = Store(tmp_path_factory.mktemp("released") / "store")
    report = store.run()
    assert report.succeeded, report.failure
    return store


@pytest.fixture
def store(released: Store, tmp_path: Path) -> Iterator[Store]:
    """A copy of the released store, of the test's own."""
    yield released.copy(tmp_path / "store")
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
