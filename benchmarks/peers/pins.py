"""The peers: what is installed for each, and the ways in which each is run.

Pins are the loosest with which a peer runs at all on Python 3.11; what came out of them is printed
with the results.
"""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool.

    Attributes:
        distribution: its name on PyPI.
        requirements: what ``uv pip install`` is given.
        ways: how it is run, by the name that its runner knows, and the words for the table.
        most: the largest number of rows a side that it is asked to do.
    """

    distribution: str
    requirements: tuple[str, ...]
    ways: dict[str, str]
    most: int = MILLION

    @property
    def runner(self) -> str:
        """Module that its own interpreter runs."""
        return f"benchmarks.peers.run_{self.distribution.replace('-', '_')}"


# Quick ones first, so that an interrupted run has most of them.
PEERS = (
    Peer("frouros", ("frouros", "pandas", "pyarrow"), {"distances": "frouros, KS + PSI"}),
    Peer(
        "alibi-detect",
        ("alibi-detect", "numpy<2", "pyarrow<20"),
        {"defaults": "alibi-detect, TabularDrift"},
    ),
    Peer(
        "nannyml",
        ("nannyml", "statsmodels<0.15"),  # it imports what statsmodels 0.15 took away
        {"ks": "NannyML, binned KS", "defaults": "NannyML, defaults"},
    ),
    Peer(
        "deepchecks",
        # it imports pkg_resources and a scorer that scikit-learn 1.8 took away
        ("deepchecks", "setuptools<80", "scikit-learn<1.8", "numpy<2", "pandas<3", "pyarrow<20"),
        {"defaults": "deepchecks, its sample", "every_row": "deepchecks, every row"},
    ),
    Peer(
        "evidently",
        ("evidently", "pandas<3.1"),  # it imports what pandas 3.1 took away
        {"psi": "Evidently, PSI", "defaults": "Evidently, defaults"},
    ),
    Peer(
        "whylogs",
        ("whylogs[viz]", "numpy<2", "pandas<3", "pyarrow<20", "setuptools<80"),
        {"defaults": "whylogs, profiles and scores"},
    ),
)
