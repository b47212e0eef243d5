"""What ``clinical drift`` writes: JSON, the page, Evidently's report."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clinical_assets.commands.mistakes import printing
from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    import polars as pl

    from clinical_assets.commands.drift_found import Found
    from clinical_assets.drift.plan import Plan
    from clinical_assets.drift.result import Comparison
    from resources.drift_inputs import Opened

_PRINTED = "-"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where what is found goes, beside the names of the tables, which it must not replace."""

    reference: str
    current: str
    json: Path | None
    html: Path | None
    evidently: Path | None
    sample: int
    seed: int

    @property
    def json_is_printed(self) -> bool:
        """Whether standard output is for JSON alone."""
        return self.json is not None and str(self.json) == _PRINTED

    def check(self, plan: Path | None) -> None:
        """Refuses, before any work, what could not be written in the end.

        Raises:
            ClinicalError: an output cannot be written, is an input, or is named twice.
        """
        from resources.written_files import check_output

        files = [
            path
            for path in (self.json, self.html, self.evidently)
            if path is not None and not (path is self.json and self.json_is_printed)
        ]
        inputs = [name for name in (self.reference, self.current) if name != "-"]
        inputs += [] if plan is None else [str(plan)]
        for path in files:
            if str(path) == _PRINTED:
                raise ClinicalError(
                    "Only JSON can be printed", repair="Name a file for the page or the report"
                )
            check_output(path, inputs)
        if len({path.resolve() for path in files}) < len(files):
            raise ClinicalError("Two outputs have one name", repair="Give each its own file")

    def write(
        self,
        found: "Found",
        plan: "Plan",
        opened: "tuple[Opened, Opened]",
        tables: "tuple[pl.LazyFrame, pl.LazyFrame] | None",
    ) -> list[str]:
        """Writes what was asked for; what is to be said of it.

        Args:
            opened: both sides as they were read.
            tables: None where a side is a profile; Evidently's report needs them.

        Raises:
            ClinicalError: an output cannot be written, or Evidently left out a column.
        """
        from resources.written_files import write_output

        said = []
        if self.evidently is not None and tables is not None:
            said.append(self._evidently(self.evidently, found.whole, plan, tables))
        if self.html is not None:
            write_output(self.html, self._page(found, plan, opened))
        if self.json is not None:
            text = json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False)
            if self.json_is_printed:
                with printing():
                    click.echo(text)
            else:
                write_output(self.json, text + "\n")
        return said

    def _page(self, found: "Found", plan: "Plan", opened: "tuple[Opened, Opened]") -> str:
        from clinical_assets.drift.page import Input, Origin, render

        sides = [Input(_name(side.name), side.identity()) for side in opened]
        origin = Origin(sides[0], sides[1], datetime.now(UTC), _versions())
        return render(
            found.whole,
            plan,
            origin,
            groups=found.groups,
            windows=found.windows,
            calibration=found.calibration,
        )

    def _evidently(
        self,
        out: Path,
        found: "Comparison",
        plan: "Plan",
        tables: "tuple[pl.LazyFrame, pl.LazyFrame]",
    ) -> str:
        from clinical_assets.drift.evidently_report import evidently_report
        from resources.written_files import write_output

        report = evidently_report(*tables, found, plan, rows=self.sample, seed=self.seed)
        write_output(out, report.html)
        return report.explain()


def _name(table: str) -> str:
    return "standard input" if table == "-" else Path(table).name


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("clinical-assets", "polars", "numpy", "scipy")}
