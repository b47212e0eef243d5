"""Released models, and what became of every candidate, on ``MlflowClient``.

dagster-mlflow opens runs and logs to them; it cannot register versions, move the champion, or give
a run its true status after a failed Dagster run. That is done here. MLflow's word is never taken
for content: a release names the package's SHA-256, and whoever loads it verifies the bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import CandidateHistory, ReleaseRecord
from clinical_assets.modelling.records import Trial, Verdict
from resources.experiment import EXPERIMENT
from resources.locks import held
from resources.mlflow_alias import alias_tags
from resources.mlflow_faults import quoted, storage_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.store.entities import PagedList

Found = TypeVar("Found")
CHAMPION = "champion"
# A version carries it once it was champion: so a lost alias is told from a release that was
# interrupted before it.
_WAS_CHAMPION = "clinical.was_champion"
# A run carries it once it has the status of its Dagster run.
_SETTLED = "clinical.settled"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_TAKEN = ("RESOURCE_ALREADY_EXISTS",)
_RELEASE_WAIT_SECONDS = 120.0
_ORPHANED_AFTER = timedelta(hours=1)


class Registry:
    """Candidates and releases of all models in one MLflow tracking store.

    Args:
        tracking_uri: ``sqlite:///…`` or the address of a server.
        artifacts: folder or URL where a new experiment keeps its files.
    """

    def __init__(self, tracking_uri: str, artifacts: str) -> None:
        self.tracking_uri = tracking_uri
        self.artifacts = artifacts
        self._opened: MlflowClient | None = None

    @property
    def _client(self) -> "MlflowClient":
        if self._opened is None:
            from mlflow import MlflowClient

            if self.tracking_uri.startswith("sqlite:///"):
                file = Path(self.tracking_uri.removeprefix("sqlite:///"))
                with storage_errors(self.tracking_uri):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with held(file.with_name("setup.lock"), wait_seconds=120):
                        # One process makes the tables.
                        self._opened = MlflowClient(self.tracking_uri, self.tracking_uri)
            else:
                with storage_errors(self.tracking_uri):
                    self._opened = MlflowClient(self.tracking_uri, self.tracking_uri)
        return self._opened

    def prepare(self) -> str:
        """The experiment's id; makes the experiment where it is missing."""
        from mlflow.exceptions import MlflowException

        local = "://" not in self.artifacts
        location = Path(self.artifacts).resolve().as_uri() if local else self.artifacts
        with storage_errors(self.tracking_uri):
            found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        try:
            with storage_errors(self.tracking_uri, passed=_TAKEN):
                made = self._client.create_experiment(EXPERIMENT, artifact_location=location)
            return str(made)
        except MlflowException:  # another process was quicker
            return self.prepare()

    def log_trials(self, parent_run_id: str, trials: tuple[Trial, ...]) -> None:
        """One finished child run for each point of the search space."""
        from mlflow.entities import Metric, Param, RunTag

        experiment = self.prepare()
        with storage_errors(self.tracking_uri):
            for trial in trials:
                run = self._client.create_run(
                    experiment, run_name=trial.estimator, tags={"mlflow.parentRunId": parent_run_id}
                )
                started = run.info.start_time
                measured = {
                    "cv_loss": trial.loss,
                    "cv_loss_standard_error": trial.standard_error,
                    "cv_auroc": trial.auroc,
                }
                self._client.log_batch(
                    run.info.run_id,
                    metrics=[Metric(name, value, started, 0) for name, value in measured.items()],
                    params=[Param(name, str(value)) for name, value in trial.parameters.items()],
                    tags=[RunTag("clinical.chosen", str(trial.chosen).lower())],
                )
                self._client.set_terminated(run.info.run_id, "FINISHED")

    def candidate_run(self, model: str, version: str) -> str:
        """Id of the newest MLflow run that trained this candidate.

        Raises:
            ClinicalError: no run is tagged with it.
        """
        with storage_errors(self.tracking_uri):
            runs = self._client.search_runs(
                [self.prepare()],
                f"tags.clinical.model = {quoted(model)}"
                f" AND tags.clinical.version = {quoted(version)}",
                max_results=1,
                order_by=["attributes.start_time DESC"],
            )
        if not runs:
            raise ClinicalError(
                f"MLflow holds no run of candidate {version}",
                where=f"model {model}",
                repair="Materialize the candidate again, so that its training is tracked",
            )
        return str(runs[0].info.run_id)

    def log_metrics(self, model: str, version: str, metrics: Mapping[str, float]) -> None:
        """Adds metrics to the candidate's run."""
        run = self.candidate_run(model, version)
        with storage_errors(self.tracking_uri):
            for name, value in metrics.items():
                self._client.log_metric(run, name, value)

    def log_files(self, model: str, version: str, files: Mapping[str, bytes]) -> None:
        """Adds files (path in the run's artifacts → bytes) to the candidate's run."""
        import tempfile

        run = self.candidate_run(model, version)
        with tempfile.TemporaryDirectory() as folder, storage_errors(self.artifacts):
            for name, data in files.items():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            self._client.log_artifacts(run, folder)

    def record_verdict(self, model: str, version: str, verdict: Verdict) -> None:
        """Keeps a gate's verdict on the candidate's run; a refusal is never written over."""
        run = self.candidate_run(model, version)
        outcome = "passed" if verdict.passed else "refused"
        text = f"{outcome}: {verdict.summary}"[:5000]
        name, earlier = f"gate.{verdict.gate}", f"earlier.{verdict.gate}."
        with storage_errors(self.tracking_uri):
            tags = self._client.get_run(run).data.tags
            before = tags.get(name, text)
            if before != text and before.startswith("refused"):
                number = sum(tag.startswith(earlier) for tag in tags) + 1
                self._client.set_tag(run, f"{earlier}{number:03d}", before)
            self._client.set_tag(run, name, text)

    def champion(self, model: str) -> ReleaseRecord | None:
        """The released version in force; None before the first release.

        Raises:
            ClinicalError: the store does not answer. That is never taken for "no champion".
        """
        if self._opened is None:  # MLflow is not loaded yet, which takes seconds
            named = alias_tags(self.tracking_uri, model, CHAMPION)
            if named is not None:
                return _release(model, named[0]) if named else None
        found = self._in_force(model)
        return None if found is None else _release(found.name, found.tags)

    def _in_force(self, model: str) -> "ModelVersion | None":
        from mlflow.exceptions import MlflowException

        try:
            with storage_errors(self.tracking_uri, passed=_ABSENT):
                return self._client.get_model_version_by_alias(model, CHAMPION)
        except MlflowException:
            return None

    def rival(self, model: str, version: str) -> ReleaseRecord | None:
        """The released version that a candidate has to match: the champion, or, where the
        candidate is the champion itself, the version that it replaced.

        Raises:
            ClinicalError: the store does not answer, or a model that was released has no champion.
        """
        champion = self.champion(model)
        if champion is None and self._once_released(model):
            raise ClinicalError(
                "The model was released, but MLflow names no champion, so none can be compared",
                where=f"model {model}",
                repair=f"Set the alias {CHAMPION!r} in MLflow back to the version in force",
            )
        if champion is None or champion.version != version:
            return champion
        return next((r for r in self.releases(model) if r.version == champion.replaces), None)

    def releases(self, model: str) -> list[ReleaseRecord]:
        """Every version ever released, newest first."""
        ordered = sorted(self._versions(model), key=lambda v: int(v.version), reverse=True)
        return [_release(version.name, version.tags) for version in ordered]

    def _once_released(self, model: str) -> bool:
        return any(_WAS_CHAMPION in version.tags for version in self._versions(model))

    def _versions(self, model: str) -> "list[ModelVersion]":
        named = f"name = {quoted(model)}"
        return self._all(lambda at: self._client.search_model_versions(named, page_token=at))

    def _runs(self, wanted: str) -> "list[Run]":
        """Every run of the experiment that the filter finds, newest first."""
        experiment, order = [self.prepare()], ["attributes.start_time DESC"]
        return self._all(
            lambda at: self._client.search_runs(experiment, wanted, order_by=order, page_token=at)
        )

    def _all(self, page: "Callable[[str | None], PagedList[Found]]") -> "list[Found]":
        """What MLflow found, whole: it answers in pages of a thousand runs."""
        with storage_errors(self.tracking_uri):
            found = page(None)
            everything = list(found)
            while found.token:
                found = page(found.token)
                everything += found
        return everything

    @contextmanager
    def releasing(self) -> Iterator[None]:
        """Lets one process of this machine at a time judge and release.

        Between the comparison with the champion and the release no other may become champion. A
        shared MLflow server has no such lock: there, one job releases at a time.
        """
        local = self.tracking_uri.startswith("sqlite:///")
        lock = Path(self.tracking_uri.removeprefix("sqlite:///")).with_name("release.lock")
        with held(lock, wait_seconds=_RELEASE_WAIT_SECONDS) if local else nullcontext():
            yield

    def release(
        self, model: str, version: str, package_sha256: str, onnx_sha256: str
    ) -> ReleaseRecord:
        """Registers a version and makes it the champion; the champion itself again: no change."""
        from mlflow.exceptions import MlflowException

        champion = self.champion(model)
        asked = (version, package_sha256, onnx_sha256)
        if champion and asked == (champion.version, champion.package_sha256, champion.onnx_sha256):
            return champion
        run = self.candidate_run(model, version)
        with storage_errors(self.tracking_uri, passed=_TAKEN):
            try:
                self._client.create_registered_model(model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            created = self._client.create_model_version(
                model,
                source=f"runs:/{run}/package",
                run_id=run,
                tags={
                    "clinical.version": version,
                    "clinical.package_sha256": package_sha256,
                    "clinical.onnx_sha256": onnx_sha256,
                    "clinical.replaces": _replaced_by(version, champion),
                    "clinical.released_at": datetime.now(UTC).isoformat(timespec="seconds"),
                },
            )
            self._client.set_registered_model_alias(model, CHAMPION, created.version)
            self._client.set_model_version_tag(model, created.version, _WAS_CHAMPION, "true")
        return _release(created.name, created.tags)

    def settle(self, outcome: Callable[[str], str | None]) -> None:
        """Gives each MLflow run the status that its Dagster run truly ended with.

        Runs that were given theirs are not asked for again: it costs what is new or still open.

        Args:
            outcome: Dagster run id → ``FINISHED``, ``FAILED``, ``KILLED``, or None while it runs.
        """
        ended: dict[str, str | None] = {}
        for run in self._runs(f"tags.dagster_run_id IS NOT NULL AND tags.{_SETTLED} IS NULL"):
            status = ended[run.info.run_id] = outcome(run.data.tags["dagster_run_id"])
            if status is not None:
                with storage_errors(self.tracking_uri):
                    self._client.set_terminated(run.info.run_id, status)
                    self._client.set_tag(run.info.run_id, _SETTLED, "true")
        self._end_orphans(ended)

    def _end_orphans(self, ended: Mapping[str, str | None]) -> None:
        """Ends the runs that a killed process left open before it said whose they were."""
        long_ago = (datetime.now(UTC) - _ORPHANED_AFTER).timestamp() * 1000
        for run in self._runs("attributes.status = 'RUNNING' AND tags.dagster_run_id IS NULL"):
            parent = run.data.tags.get("mlflow.parentRunId", "")
            if run.info.start_time < long_ago or self._has_ended(parent, ended):
                with storage_errors(self.tracking_uri):
                    self._client.set_terminated(run.info.run_id, "KILLED")

    def _has_ended(self, run: str, ended: Mapping[str, str | None]) -> bool:
        """Whether a run was settled, now or earlier."""
        from mlflow.exceptions import MlflowException

        if not run or run in ended:
            return ended.get(run) is not None
        try:
            with storage_errors(self.tracking_uri, passed=_ABSENT):
                return _SETTLED in self._client.get_run(run).data.tags
        except MlflowException:  # deleted for good
            return False

    def models(self) -> tuple[str, ...]:
        """Every model of which a candidate was ever trained, by name."""
        found = self._runs("tags.clinical.model IS NOT NULL")
        return tuple(sorted({run.data.tags["clinical.model"] for run in found}))

    def history(self, model: str) -> list[CandidateHistory]:
        """Every candidate ever trained, newest first, with the verdict of each gate."""
        in_force = self._in_force(model)
        reigns = self._reigns(model)
        return [
            CandidateHistory(
                model=model,
                version=run.data.tags["clinical.version"],
                started_at=datetime.fromtimestamp(run.info.start_time / 1000, UTC).isoformat(
                    timespec="seconds"
                ),
                status=run.info.status,
                gates={
                    name.removeprefix("gate."): text
                    for name, text in sorted(run.data.tags.items())
                    if name.startswith("gate.")
                },
                champion=in_force is not None and in_force.run_id == run.info.run_id,
                earlier=tuple(
                    f"{name.split('.')[1]}: {text}"
                    for name, text in sorted(run.data.tags.items())
                    if name.startswith("earlier.")
                ),
                released_at=reigns.get(run.info.run_id, ("", ""))[0],
                replaced_at=reigns.get(run.info.run_id, ("", ""))[1],
                run_id=run.data.tags.get("dagster_run_id", ""),
            )
            for run in self._runs(f"tags.clinical.model = {quoted(model)}")
        ]

    def _reigns(self, model: str) -> dict[str, tuple[str, str]]:
        """By MLflow run: when its version became champion, and when the next one did."""
        once = sorted(
            (version for version in self._versions(model) if _WAS_CHAMPION in version.tags),
            key=lambda version: int(version.version),
        )
        began = [version.tags.get("clinical.released_at", "") for version in once]
        # A new package of a training's version begins no new reign, so its first date stays.
        reigns: dict[str, tuple[str, str]] = {}
        for version, start, end in zip(once, began, (*began[1:], ""), strict=False):
            run = str(version.run_id)
            reigns[run] = (reigns.get(run, (start, ""))[0], end)
        return reigns


def _replaced_by(version: str, champion: ReleaseRecord | None) -> str:
    """The version whose place a release takes; a new package of the champion keeps its rival."""
    if champion is None:
        return ""
    return champion.replaces if champion.version == version else champion.version


def _release(model: str, tags: Mapping[str, str]) -> ReleaseRecord:
    return ReleaseRecord(
        model=model,
        version=tags.get("clinical.version", ""),
        package_sha256=tags.get("clinical.package_sha256", ""),
        onnx_sha256=tags.get("clinical.onnx_sha256", ""),
        replaces=tags.get("clinical.replaces", ""),
        released_at=tags.get("clinical.released_at", ""),
    )
