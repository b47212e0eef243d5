"""frouros: KS and PSI of numbers, chi² of text.

It gives numbers and p-values and no rule; p < 0.05 stands for one. It knows no missing values, so
that those are left out column by column.
"""

from typing import Any

from benchmarks.peers.protocol import Run, main


def _columns(run: Run) -> Any:
    import pandas as pd

    with run.part("loading"):
        frames = [pd.read_parquet(path) for path in (run.reference, run.current)]
    for name in frames[0]:
        with run.part("loading"):
            present = [frame[name].dropna().to_numpy() for frame in frames]
        yield name, not pd.api.types.is_numeric_dtype(frames[0][name]), present


def _compared(detector: Any, run: Run, present: Any) -> Any:
    with run.part("computing"):
        detector.fit(X=present[0])
        found, _ = detector.compare(X=present[1])
    return found


def distances(run: Run) -> None:
    from frouros.detectors.data_drift import PSI, ChiSquareTest, KSTest

    run.what = "KS with p-value and PSI (equal widths) of numbers, chi² of text"
    for name, text, present in _columns(run):
        if text:
            run.note("chi2_pvalue", name, _compared(ChiSquareTest(), run, present).p_value)
        else:
            run.note("ks", name, _compared(KSTest(), run, present).statistic)
            run.note("psi", name, _compared(PSI(), run, present).distance)


def decide(run: Run) -> None:
    from frouros.detectors.data_drift import ChiSquareTest, KSTest

    run.what = "p < 0.05 of KS or chi²"
    for name, text, present in _columns(run):
        found = _compared(ChiSquareTest() if text else KSTest(), run, present)
        run.note("drifted", name, found.p_value < 0.05)


if __name__ == "__main__":
    main({"distances": distances, "decide": decide})
