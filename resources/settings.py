"""Where things lie: one settings object, read from ``CLINICAL_…`` environment variables.

What belongs here: locations and plain switches, with embedded defaults under one folder. What
does not: secrets (object-store credentials stay in the ordinary ``AWS_…`` variables, which the
S3 libraries read themselves) and anything that decides about a model (that is the model's spec).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from clinical_assets.errors import ClinicalError
from resources.witnesses.urls import witness_url

PREFIX = "CLINICAL_"
_MODEL_SPEC = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_LOCATION = re.compile(r"s3://[^/\s?#@]+(/[^\s?#]*)?")
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


def project_root() -> Path:
    """The checkout that holds this file, or the current folder for an installed copy."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


class Settings(BaseSettings):
    """Locations of the stores. Build it with :meth:`load`, which words errors for people.

    Attributes:
        store: folder of everything that runs make; the others default to places inside it.
        lake_url, snapshots_url: a folder, or ``s3://bucket/prefix``.
        s3_endpoint, s3_region, s3_allow_http: from ``AWS_ENDPOINT_URL_S3`` or
            ``AWS_ENDPOINT_URL``, ``AWS_REGION`` or ``AWS_DEFAULT_REGION``, ``AWS_ALLOW_HTTP``.
        mlflow_tracking_uri, mlflow_artifacts: MLflow's database and files.
        dagster_home: Dagster's instance folder.
        packages: released model packages.
        keys: signing keys; readable by the owner only.
        ledger_url: the ledger's database: ``sqlite:///…`` or ``postgresql://…``.
        session_idle_minutes, session_hours: after what time a terminal session ends.
        retention: a TOML file with the hospital's retention schedule; None: the built-in one.
        sources: the register of data sources.
        models: further models as ``module:ATTRIBUTE``; the variable takes them comma separated.
        witnesses: addresses of the places that hold the ledger's checkpoints
            (:mod:`resources.witnesses.urls`), comma separated in the variable; never empty.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    store: Path = Field(default_factory=lambda: project_root() / "data" / "store")
    lake_url: str = ""
    snapshots_url: str = ""
    s3_endpoint: str = ""
    s3_region: str = ""
    s3_allow_http: bool = False
    mlflow_tracking_uri: str = ""
    mlflow_artifacts: str = ""
    dagster_home: Path = Path()
    packages: Path = Path()
    keys: Path = Path()
    ledger_url: str = ""
    session_idle_minutes: int = Field(default=15, ge=1, le=240)
    session_hours: int = Field(default=8, ge=1, le=24)
    retention: Path | None = None
    sources: Path = Field(default_factory=lambda: project_root() / "data" / "sources.toml")
    models: Annotated[tuple[str, ...], NoDecode] = ()
    witnesses: Annotated[tuple[str, ...], NoDecode] = ()

    @classmethod
    def load(cls, **overrides: Any) -> "Settings":
        """Settings from the environment; ``overrides`` win over it.

        Raises:
            ClinicalError: a value is wrong; every wrong variable is named, no value is shown.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            problems = {_name(item["loc"]): _reason(item) for item in error.errors()}
            raise ClinicalError(
                "The settings cannot be used: "
                + "; ".join(f"{name} {reason}" for name, reason in problems.items()),
                where="environment",
                repair="Correct or unset " + ", ".join(problems),
            ) from None

    @model_validator(mode="before")
    @classmethod
    def _from_aws_variables(cls, data: dict[str, Any]) -> dict[str, Any]:
        from os import environ

        ordinary = {
            "s3_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
            "s3_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
            "s3_allow_http": ("AWS_ALLOW_HTTP",),
        }
        filled = dict(data)
        for name, variables in ordinary.items():
            value = next((environ[v] for v in variables if environ.get(v)), None)
            if value is not None:
                filled.setdefault(name, value)
        return filled

    @field_validator("models", mode="before")
    @classmethod
    def _split_models(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        for part in value:
            if not _MODEL_SPEC.fullmatch(str(part)):
                raise ValueError("must hold entries of the form module:ATTRIBUTE")
        return value

    @field_validator("witnesses", mode="before")
    @classmethod
    def _split_witnesses(cls, value: Any) -> Any:
        parts = value.split(",") if isinstance(value, str) else value
        urls = tuple(witness_url(str(part)).url for part in parts if str(part).strip())
        if len(set(urls)) != len(urls):
            raise ValueError("must name each witness once")
        return urls

    @field_validator("lake_url", "snapshots_url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if "://" in value and not _LOCATION.fullmatch(value):
            raise ValueError("must be a folder or s3://bucket/prefix, without credentials")
        return value

    @field_validator("store", "sources")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("store")
    @classmethod
    def _not_a_file(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("must be a folder, but a file is in its place")
        return value

    @model_validator(mode="after")
    def _fill(self) -> "Settings":
        for name, value in self._defaults():
            object.__setattr__(self, name, value)
        if self.s3_endpoint.startswith("http://") and not self.s3_allow_http:
            # HIP-09: a plain-text endpoint is refused unless it is asked for by name.
            raise ValueError("is plain http; use https, or set AWS_ALLOW_HTTP=true")
        return self

    def _defaults(self) -> Iterator[tuple[str, Any]]:
        for name in ("lake", "snapshots"):
            value = getattr(self, f"{name}_url") or str(self.store / name)
            yield f"{name}_url", value if "://" in value else _folder(value)
        yield "ledger_url", self.ledger_url or f"sqlite:///{self.ledger_folder / 'ledger.db'}"
        # Beside the ledger it finds mistakes, not intruders: docs/witnesses.md says so.
        yield "witnesses", self.witnesses or (f"folder:{self.store / 'witness'}",)
        mlflow = self.store / "mlflow"
        yield "mlflow_tracking_uri", self.mlflow_tracking_uri or f"sqlite:///{mlflow}/mlflow.db"
        yield "mlflow_artifacts", self.mlflow_artifacts or str(mlflow / "artifacts")
        for name, folder in (("dagster_home", "dagster"), ("packages", ""), ("keys", "")):
            value = getattr(self, name)
            given = value if value != Path() else self.store / (folder or name)
            yield name, given.expanduser().absolute()
        if self.retention is not None:
            yield "retention", self.retention.expanduser().absolute()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Fields for ``repr``, with user names and passwords in URLs replaced by ``***``."""
        for name, value in super().__repr_args__():
            yield name, _USERINFO.sub("***@", value) if isinstance(value, str) else value

    @property
    def ledger_folder(self) -> Path:
        """What the ledger keeps on this machine, its database among it where it is embedded."""
        return self.store / "ledger"

    @property
    def s3_options(self) -> dict[str, str]:
        """Options for delta-rs and obstore; empty where no store or witness lies on S3.

        Credentials are not among them: both libraries read the ``AWS_…`` variables themselves.
        """
        places = (self.lake_url, self.snapshots_url, *self.witnesses)
        if not any(url.startswith("s3://") for url in places):
            return {}
        options = {"aws_endpoint": self.s3_endpoint, "aws_region": self.s3_region}
        if self.s3_allow_http:
            options["aws_allow_http"] = "true"
        return {key: value for key, value in options.items() if value}

    def prepare(self) -> None:
        """Make the local folders; the keys' folder is closed to everyone but the owner.

        Raises:
            ClinicalError: a folder cannot be made.
        """
        urls = (self.lake_url, self.snapshots_url, self.mlflow_artifacts)
        local = [Path(url) for url in urls if "://" not in url]
        if not any(self.mlflow_tracking_uri.startswith(p) for p in ("http://", "https://")):
            local.append(self.store / "mlflow")
        try:
            for folder in (self.store, self.dagster_home, self.packages, *local):
                folder.mkdir(parents=True, exist_ok=True)
            self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.keys.chmod(0o700)
        except OSError as error:
            raise ClinicalError(
                f"A folder of the store cannot be made: {error.strerror}",
                where=str(error.filename or self.store),
                repair="Free the path, or set CLINICAL_STORE to a folder that you can write",
            ) from error


def _folder(value: str) -> str:
    return str(Path(value).expanduser().absolute())


_AWS_NAMES = {
    "s3_endpoint": "AWS_ENDPOINT_URL",
    "s3_region": "AWS_REGION",
    "s3_allow_http": "AWS_ALLOW_HTTP",
}


def _name(location: tuple[int | str, ...]) -> str:
    # The only check over several fields at once is the one of the endpoint.
    field = str(location[0]) if location else "s3_endpoint"
    return _AWS_NAMES.get(field, f"{PREFIX}{field.upper()}")


def _reason(item: Any) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
