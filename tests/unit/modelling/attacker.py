"""A reader of the published subgroup table who tries to work out the suppressed cells (PRI-08).

Everything shown – counts, rates times counts, totals of the whole test set – becomes a linear
equation in the 2×2 cells of each band; linear programming then gives the least and the greatest
value that each cell can still have.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from clinical_assets.modelling.disclosure import Confusion
from clinical_assets.modelling.records import SubgroupResult

# Position of each cell within a band, and the sums that metrics are made of.
TP, FN, FP, TN = range(4)
EVENTS, NON_EVENTS, SELECTED, PEOPLE = (TP, FN), (FP, TN), (TP, FP), (TP, FN, FP, TN)


class Attacker:
    """Collects equations; cells of band i have the columns 4i to 4i + 3."""

    def __init__(self, bands: int) -> None:
        self.bands = bands
        self.left: list[np.ndarray] = []
        self.right: list[float] = []

    def learn(self, bands: Sequence[int], cells: Sequence[int], total: float) -> None:
        """The sum of these cells over these bands is known."""
        row = np.zeros(4 * self.bands)
        for band in bands:
            row[[4 * band + cell for cell in cells]] = 1.0
        self.left.append(row)
        self.right.append(total)

    def read(self, results: Sequence[SubgroupResult], totals: Confusion) -> None:
        """Everything that the table and the overall metrics tell."""
        everyone = range(self.bands)
        self.learn(everyone, [TP], totals.true_positives)
        self.learn(everyone, [FN], totals.false_negatives)
        self.learn(everyone, [FP], totals.false_positives)
        self.learn(everyone, [TN], totals.true_negatives)
        for i, result in enumerate(results):
            if result.n is None or result.events is None:
                assert result.events is None
                assert result.n is None
                continue
            self.learn([i], PEOPLE, result.n)
            self.learn([i], EVENTS, result.events)
            shown = {k: v.value for k, v in result.metrics.items() if v.value is not None}
            if "selection_rate" in shown:
                self.learn([i], SELECTED, shown["selection_rate"] * result.n)
            if "sensitivity" in shown:
                self.learn([i], [TP], shown["sensitivity"] * result.events)
            if "specificity" in shown:
                self.learn([i], [TN], shown["specificity"] * (result.n - result.events))
            # The test sets the operating threshold to 0.5, so that the errors tell of it too.
            if "errors" in shown:
                self.learn([i], [FN, FP], shown["errors"])
            if "accuracy" in shown:
                self.learn([i], [TP, TN], shown["accuracy"] * result.n)
            for metric, cells in (("ppv", (TP, FP)), ("npv", (TN, FN)), ("net_benefit", (TP, FP))):
                if metric in shown:
                    self.learn_ratio(i, metric, cells, shown[metric], result.n)

    def learn_ratio(self, band: int, metric: str, cells: tuple[int, int], value: float, n: int):
        """A predictive value is a/(a+b); a net benefit at 0.5 is (a−b)/n."""
        row = np.zeros(4 * self.bands)
        a, b = (4 * band + cell for cell in cells)
        row[a], row[b] = (1.0, -1.0) if metric == "net_benefit" else (1 - value, -value)
        self.left.append(row)
        self.right.append(value * n if metric == "net_benefit" else 0.0)

    def interval(self, band: int, cells: Sequence[int]) -> tuple[float, float]:
        """Least and greatest sum of these cells that fits everything known."""
        aim = np.zeros(4 * self.bands)
        aim[[4 * band + cell for cell in cells]] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            found = linprog(sign * aim, A_eq=np.array(self.left), b_eq=np.array(self.right))
            assert found.status == 0, found.message
            ends.append(sign * found.fun)
        return ends[0], ends[1]
