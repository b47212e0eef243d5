"""Released models, and what became of every candidate, on ``MlflowClient``.

dagster-mlflow opens runs and logs to them; it cannot register versions, move the champion, or give
a run its true status after a failed Dagster run. That is done here. MLflow's word is never taken
for content: a release names the package's SHA-256, and whoever loads it verifies the bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dagster import ConfigurableResource

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.modelling.records import Trial, Verdict
from resources.tracking import EXPERIMENT

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class CandidateHistory:
    """One candidate as MLflow remembers it: its gates by name, and how its run ended."""

    model: str
    version: str
    started_at: str
    status: str
    gates: Mapping[str, str]
    champion: bool


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
                with _storage_errors(self.tracking_uri):
                    file.parent.mkdir(parents=True, exist_ok=True)
            with _storage_errors(self.tracking_uri):
                self._opened = MlflowClient(self.tracking_uri, self.tracking_uri)
        return self._opened

    def prepare(self) -> str:
        """The experiment's id; makes the experiment where it is missing."""
        with _storage_errors(self.tracking_uri):
            found = self._client.get_experiment_by_name(EXPERIMENT)
            if found is not None:
                return str(found.experiment_id)
            local = "://" not in self.artifacts
            location = Path(self.artifacts).resolve().as_uri() if local else self.artifacts
            return str(self._client.create_experiment(EXPERIMENT, artifact_location=location))

    def log_trials(self, parent_run_id: str, trials: tuple[Trial, ...]) -> None:
        """One finished child run for each point of the search space."""
        from mlflow.entities import Metric, Param, RunTag

        experiment = self.prepare()
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
        with _storage_errors(self.tracking_uri):
            runs = self._client.search_runs(
                [self.prepare()],
                f"tags.clinical.model = '{model}' AND tags.clinical.version = '{version}'",
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
        for name, value in metrics.items():
            self._client.log_metric(run, name, value)

    def log_files(self, model: str, version: str, files: Mapping[str, bytes]) -> None:
        """Adds files (path in the run's artifacts → bytes) to the candidate's run."""
        import tempfile

        run = self.candidate_run(model, version)
        with tempfile.TemporaryDirectory() as folder, _storage_errors(self.artifacts):
            for name, data in files.items():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            self._client.log_artifacts(run, folder)

    def record_verdict(self, model: str, version: str, verdict: Verdict) -> None:
        """Keeps a gate's verdict on the candidate's run, a refusal as well as a pass."""
        run = self.candidate_run(model, version)
        outcome = "passed" if verdict.passed else "refused"
        self._client.set_tag(run, f"gate.{verdict.gate}", f"{outcome}: {verdict.summary}"[:5000])

    def champion(self, model: str) -> ReleaseRecord | None:
        """The released version in force; None before the first release."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(model, CHAMPION)
        except MlflowException:
            return None
        return _release(found)

    def rival(self, model: str, version: str) -> ReleaseRecord | None:
        """The released version that a candidate has to match: the champion, or, where the
        candidate is the champion itself, the version that it replaced."""
        champion = self.champion(model)
        if champion is None or champion.version != version:
            return champion
        return next((r for r in self.releases(model) if r.version == champion.replaces), None)

    def releases(self, model: str) -> list[ReleaseRecord]:
        """Every version ever released, newest first."""
        found = self._client.search_model_versions(f"name = '{model}'")
        ordered = sorted(found, key=lambda v: int(v.version), reverse=True)
        return [_release(version) for version in ordered]

    def release(
        self, model: str, version: str, package_sha256: str, onnx_sha256: str
    ) -> ReleaseRecord:
        """Registers a version and makes it the champion; the champion itself again: no change."""
        from mlflow.exceptions import MlflowException

        champion = self.champion(model)
        if champion is not None and champion.package_sha256 == package_sha256:
            return champion
        run = self.candidate_run(model, version)
        with _storage_errors(self.tracking_uri):
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
        return _release(created)

    def settle(self, outcome: Callable[[str], str | None]) -> None:
        """Gives each MLflow run the status that its Dagster run truly ended with.

        Args:
            outcome: Dagster run id → ``FINISHED``, ``FAILED``, ``KILLED``, or None while it runs.
        """
        tracked = self._client.search_runs(
            [self.prepare()],
            "tags.dagster_run_id LIKE '%'",
            order_by=["attributes.start_time DESC"],
        )
        for run in tracked:
            if "clinical.settled" in run.data.tags:
                continue
            if (ended := outcome(run.data.tags["dagster_run_id"])) is not None:
                self._client.set_terminated(run.info.run_id, ended)
                self._client.set_tag(run.info.run_id, "clinical.settled", "true")

    def history(self, model: str) -> list[CandidateHistory]:
        """Every candidate ever trained, newest first, with the verdict of each gate."""
        champion = self.champion(model)
        runs = self._client.search_runs(
            [self.prepare()],
            f"tags.clinical.model = '{model}'",
            order_by=["attributes.start_time DESC"],
        )
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
                champion=champion is not None
                and champion.version == run.data.tags["clinical.version"],
            )
            for run in runs
        ]


def _replaced_by(version: str, champion: ReleaseRecord | None) -> str:
    """The version whose place a release takes; a new package of the champion keeps its rival."""
    if champion is None:
        return ""
    return champion.replaces if champion.version == version else champion.version


def _release(version: "ModelVersion") -> ReleaseRecord:
    tags = version.tags
    return ReleaseRecord(
        model=version.name,
        version=tags.get("clinical.version", ""),
        package_sha256=tags.get("clinical.package_sha256", ""),
        onnx_sha256=tags.get("clinical.onnx_sha256", ""),
        replaces=tags.get("clinical.replaces", ""),
        released_at=tags.get("clinical.released_at", ""),
    )


@contextmanager
def _storage_errors(place: str) -> Iterator[None]:
    """Turns a failing tracking store into one clear paragraph."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        raise ClinicalError(
            f"The tracking store cannot be used: {type(error).__name__}",
            where=place.split("@")[-1],
            repair="Check that the disk is not full and that the folder or server can be written",
        ) from error
    except MlflowException as error:
        if error.error_code == "RESOURCE_ALREADY_EXISTS":
            raise
        raise ClinicalError(
            f"The tracking store refused a request ({error.error_code})",
            where=place.split("@")[-1],
            repair="Check that the server answers and that its version matches the lock",
        ) from error


class RegistryResource(ConfigurableResource[Registry]):
    """Hands out the :class:`Registry`."""

    tracking_uri: str
    artifacts: str

    def open(self) -> Registry:
        """The registry of this tracking store."""
        return Registry(self.tracking_uri, self.artifacts)
