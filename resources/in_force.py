"""Which model may be used: read afresh from the ledger at every load, never taken from MLflow.

What belongs here: the version that the ledger calls champion, whether MLflow's alias agrees,
whether stage and signatures still hold, and what the ledger holds of the gates. What does not:
check results in Dagster (:mod:`.evidence`) and the rules
(:mod:`clinical_assets.evidence.stage_moves`). Whoever loads a model to use it, as a service does,
comes through :meth:`InForce.load`; a quarantine therefore takes effect with the next load. A
candidate is compared with a released package without it, so that a quarantined one can be replaced.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.gate_decisions import gates_against
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.evidence.signatures import SUBJECT_KIND
from clinical_assets.evidence.stage_moves import judge_in_force
from clinical_assets.ledger.actions import Change, Failing
from clinical_assets.ledger.entry import Act, Subject
from clinical_assets.modelling.champion import KeptModel
from clinical_assets.modelling.spec import ClinicalModel
from resources.ledger import Ledger
from resources.ledger_database.reader import Wanted
from resources.ledger_memory import contradicts_seen
from resources.mlflow_registry import CHAMPION, Registry
from resources.package_store import PackageStore
from resources.stages import Stages

_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class InForce:
    """The released version of one model, if there is one that may be used."""

    spec: ClinicalModel
    ledger: Ledger
    registry: Registry
    packages: PackageStore

    def subject(self) -> Subject | None:
        """As :func:`released_last`."""
        return released_last(self.ledger, self.spec.name)

    def contradiction(self) -> str:
        """How MLflow's alias differs from what the ledger holds; empty where they agree."""
        return _contradiction(self.subject(), self.registry.champion(self.spec.name))

    def require(self) -> ReleaseRecord:
        """The release that may be used now.

        Raises:
            ClinicalError: there is none, MLflow contradicts the ledger, or the version is not, or
                no longer, released with every signature valid. It is recorded (``model.refused``).
        """
        subject, champion = self.subject(), self.registry.champion(self.spec.name)
        problem = self._problem(subject, champion)
        if problem or champion is None:
            about = subject or Subject(SUBJECT_KIND, self.spec.name)
            self.ledger.record(
                "model.refused", about, Failing("not in force"), outcome="refused", reason=problem
            )
            raise ClinicalError(
                f"No version of this model may be used: {problem}",
                where=f"model {self.spec.name}",
                repair=f"See `clinical stage show {self.spec.name}`",
            )
        return champion

    def load(self) -> KeptModel:
        """The model that may be used now, its package verified.

        Raises:
            ClinicalError: as :meth:`require`, or the package is not what was released.
        """
        release = self.require()
        try:
            return self.packages.load(release)
        except ClinicalError as error:
            subject = Subject(SUBJECT_KIND, release.model, release.version, release.package_sha256)
            self.ledger.record(
                "model.refused", subject, Failing("package"), outcome="refused", reason=error.what
            )
            raise

    def report(self) -> bool:
        """Writes down that MLflow contradicts the ledger, once for each contradiction; whether
        it does."""
        subject, champion = self.subject(), self.registry.champion(self.spec.name)
        problem = _contradiction(subject, champion)
        if not problem:
            return False
        about = subject or Subject(SUBJECT_KIND, self.spec.name)
        found = Change(CHAMPION, about.version, _named(champion))

        def once(connection: Connection) -> list[Act]:
            wanted = Wanted(
                subject_kind=SUBJECT_KIND, subject_id=self.spec.name, action="registry."
            )
            newest = self.ledger.reader.proven(wanted, connection, newest=1)
            if newest and (newest[0].act.details, newest[0].act.reason) == (found, problem):
                return []
            return [self.ledger.act("registry.contradicted", about, found, reason=problem)]

        self.ledger.decide(once)
        return True

    def problem(self) -> str:
        """Why no version may be used now; empty where one may."""
        return self._problem(self.subject(), self.registry.champion(self.spec.name))

    def _problem(self, subject: Subject | None, champion: ReleaseRecord | None) -> str:
        if contradiction := contradicts_seen(self.ledger) or _contradiction(subject, champion):
            return contradiction
        if subject is None:
            return "none was released"
        state = Stages(self.ledger, self.spec).state(subject)
        verdict = judge_in_force(state)
        if not verdict.passed:
            return verdict.summary
        released = next(step.seq for step in reversed(state.steps) if step.stage == "released")
        known = self.ledger.decisions.refresh()
        software = next(entry.act.software for entry in known if entry.seq == released)
        return gates_against(subject, known, released, software)


def released_last(ledger: Ledger, model: str) -> Subject | None:
    """The package that the ledger says was made champion last; None before the first release.

    An act that was interrupted counts where it was looked into and the change was found.

    Raises:
        ClinicalError: the ledger does not hold together.
    """
    intended: dict[str, Subject] = {}
    made: list[Subject] = []
    for entry in ledger.decisions.refresh():
        act = entry.act
        if (act.subject.kind, act.subject.id) != (SUBJECT_KIND, model):
            continue
        if act.action == "registry.changed" and act.outcome == "done":
            made.append(act.subject)
        elif act.action == "registry.changed" and act.outcome == "intended":
            intended[act.act] = act.subject
        elif act.action == "ledger.reconciled" and act.details.found == "found":
            made += [intended[act.act]] if act.act in intended else []
    return made[-1] if made else None


def _contradiction(subject: Subject | None, champion: ReleaseRecord | None) -> str:
    if champion is None:
        if subject is None:
            return ""
        return f"the ledger holds {subject.version} as {CHAMPION}, MLflow names none"
    if subject is None:
        return f"MLflow calls {_named(champion)} {CHAMPION}, which the ledger never released"
    if (champion.package_sha256, champion.version) != (subject.sha256, subject.version):
        return (
            f"MLflow calls {_named(champion)} {CHAMPION}, the ledger holds {subject.version}"
            f" ({subject.sha256[:8]})"
        )
    return ""


def _named(champion: ReleaseRecord | None) -> str:
    """Version and digest, if they are such: MLflow's tags are anybody's, and the ledger's words
    are read for ever."""
    if champion is None:
        return ""
    version = champion.version if _VERSION.fullmatch(champion.version) else "a nameless version"
    digest = champion.package_sha256[:8] if _DIGEST.fullmatch(champion.package_sha256) else "?"
    return f"{version} ({digest})"
