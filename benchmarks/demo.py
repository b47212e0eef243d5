"""``clinical demo`` as a whole process, and what its time goes into.

Begin and end of the run, of its resources and of its steps come from Dagster's event log in the
run's own store; times of imports from :mod:`benchmarks.probe` in the same process. Here: their
arithmetic. ``clinical demo --json`` counts as imports those before the run only, so most of what
is imported passes there for work of the first step that needs it; its line is shown beside.
"""

import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Finished, call, load, run
from benchmarks.table import Table, memory_of, share, time_of, times

TITLE = "clinical demo: raw rows to a released model"
GOAL_SECONDS = 60.0
SLOWEST = 5


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something happened, in seconds since the epoch."""

    name: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    def shared(self, others: "Sequence[Span]") -> float:
        """Seconds of ``others``, which do not overlap each other, that lie within this span."""
        return sum(max(0.0, min(self.ended, o.ended) - max(self.began, o.began)) for o in others)


@dataclass(frozen=True, slots=True)
class Log:
    """What the event log says: the run, the opening of its resources, its steps."""

    run: Span
    resources: Span
    steps: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One ``clinical demo``: the process, its own ``seconds``, the event log, the imports.

    ``command`` is the time between the start of the interpreter and its end.
    """

    finished: Finished
    stated: dict[str, float]
    log: Log
    command: Span
    imports: tuple[Span, ...]

    @property
    def parts(self) -> dict[str, float]:
        """Seconds of each part of the whole process."""
        return parts(self.finished.seconds, self.command, self.log, self.imports)


def tables(quick: bool) -> list[Table]:
    """A run in a fresh store and, unless ``quick``, a second one in the same store."""
    names = ("fresh store",) if quick else ("fresh store", "second run")
    with tempfile.TemporaryDirectory() as folder:
        runs = {f"{name} (load {load()})": measured(Path(folder)) for name in names}
    return [_parts(runs), _stated(runs), _slowest(runs), _imports(runs)]


def measured(folder: Path) -> Measured:
    """Runs the demo in the store below ``folder`` and takes it apart.

    Raises:
        RuntimeError: the model was not released.
    """
    store, probed = folder / "store", folder / "probed.json"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLINICAL_", "DAGSTER_"))}
    finished = run(
        [sys.executable, "-m", "benchmarks.probe", str(probed), "demo", "--json"],
        {**kept, "CLINICAL_STORE": str(store)},
    )
    seconds = json.loads(finished.output)["seconds"]
    found = call("benchmarks.demo:event_log", str(store))
    log = Log(
        Span(*found["run"]), Span(*found["resources"]), tuple(Span(*s) for s in found["steps"])
    )
    times_seen = json.loads(probed.read_text())
    imports = tuple(Span(*span) for span in times_seen["imports"])
    return Measured(finished, seconds, log, Span(*times_seen["command"]), imports)


def event_log(store: str) -> dict[str, object]:
    """The newest run in ``store`` as name, begin and end of what :class:`Log` holds."""
    from dagster import DagsterEventType as Kind
    from dagster import DagsterInstance

    began: dict[str, float] = {}
    steps = []
    resources = ["resources", 0.0, 0.0]
    with DagsterInstance.from_config(str(Path(store) / "dagster")) as instance:
        runs = instance.get_runs(limit=2)[::-1]  # to the approval record, then the release
        logged = [e for run in runs for e in instance.all_logs(run.run_id)]
        entries = [e for e in logged if e.dagster_event is not None]
    for entry in entries:
        event = entry.get_dagster_event()
        if event.event_type == Kind.RESOURCE_INIT_STARTED:
            resources[1] = entry.timestamp
        elif event.event_type == Kind.RESOURCE_INIT_SUCCESS:
            resources[2] = entry.timestamp
        elif event.event_type == Kind.STEP_START:
            began[str(event.step_key)] = entry.timestamp
        elif event.event_type in (Kind.STEP_SUCCESS, Kind.STEP_FAILURE):
            name = str(event.step_key)
            steps.append((name, began[name], entry.timestamp))
    run_span = ("run", entries[0].timestamp, entries[-1].timestamp)
    return {"run": run_span, "resources": resources, "steps": steps}


def parts(total: float, command: Span, log: Log, imports: Sequence[Span]) -> dict[str, float]:
    """Seconds of each part of a process of ``total`` seconds; each second is in one part."""
    imported = command.shared(imports)
    steps = sum(step.seconds - step.shared(imports) for step in log.steps)
    opening = log.resources.seconds - log.resources.shared(imports)
    in_run = log.run.seconds - log.run.shared(imports)
    before = Span("before", command.began, log.run.began)
    after = Span("after", log.run.ended, command.ended)
    return {
        "real work: assets and gates": steps,
        "imports, wherever they happen": imported,
        "resources opened (MLflow's database)": opening,
        "Dagster, between the steps": in_run - steps - opening,
        "before the run": before.seconds - before.shared(imports),
        "after the run": after.seconds - after.shared(imports),
        "start and end of the interpreter": total - command.seconds,
    }


def _parts(runs: Mapping[str, Measured]) -> Table:
    rows = [
        ("whole process", *(time_of(r.finished.seconds) for r in runs.values())),
        (
            f"of the goal of {GOAL_SECONDS:.0f} s",
            *(times(r.finished.seconds / GOAL_SECONDS) for r in runs.values()),
        ),
    ]
    each = [(run.parts, run.finished.seconds) for run in runs.values()]
    for name in each[0][0]:
        rows.append((name, *(_with_share(found[name], total) for found, total in each)))
    rows.append(("peak memory", *(memory_of([r.finished.peak]) for r in runs.values())))
    note = (
        "Before the run: the asset graph and Dagster's own database. After it: the report.\n"
        "Memory: of the largest process; the reproducibility gate trains in a second one."
    )
    return Table(TITLE, ("", *runs), tuple(rows), note)


def _stated(runs: Mapping[str, Measured]) -> Table:
    names = next(iter(runs.values())).stated
    rows = [(name, *(time_of(r.stated[name]) for r in runs.values())) for name in names]
    return Table("The same by clinical demo --json", ("seconds", *runs), tuple(rows))


def _slowest(runs: Mapping[str, Measured]) -> Table:
    first, last = next(iter(runs.values())), list(runs.values())[-1]
    again = {step.name: step for step in last.log.steps}
    rows = []
    for step in sorted(first.log.steps, key=lambda s: -s.seconds)[:SLOWEST]:
        imports = step.shared(first.imports)
        second = again[step.name].seconds if last is not first else None
        row = (step.name, time_of(step.seconds), time_of(imports) if imports else "–")
        rows.append((*row, "–" if second is None else time_of(second)))
    columns = ("step", "fresh store", "of it imports", "second run")
    return Table(f"The {SLOWEST} slowest steps", columns, tuple(rows))


def _imports(runs: Mapping[str, Measured]) -> Table:
    first = next(iter(runs.values()))
    seconds: dict[str, float] = defaultdict(float)
    for span in first.imports:
        seconds[span.name.partition(".")[0]] += span.seconds
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:SLOWEST]
    total = sum(seconds.values())
    note = "By the import statement that began it: it pays for all that it draws in first."
    return Table(
        f"The {SLOWEST} slowest imports, fresh store",
        ("package", "seconds", "share of all imports"),
        tuple((name, time_of(spent), share(spent / total)) for name, spent in slowest),
        note,
    )


def _with_share(part: float, whole: float) -> str:
    return f"{time_of(part)} ({share(part / whole)})"
