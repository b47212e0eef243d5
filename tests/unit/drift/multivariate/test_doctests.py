"""The examples in the package give what they say."""

import doctest
import importlib
import pkgutil

import pytest

from clinical_assets.drift import multivariate


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(multivariate.__path__)])
def test_examples(name: str) -> None:
    module = importlib.import_module(f"{multivariate.__name__}.{name}")
    assert doctest.testmod(module).failed == 0
