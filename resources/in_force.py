"""Which model may be used: read afresh from the ledger at every load, never taken from MLflow.

What belongs here: the version that the ledger calls champion, whether MLflow's alias agrees, and
whether stage and signatures still hold. What does not: check results (:mod:`.evidence`) and the
rules (:mod:`clinical_assets.evidence.stage_moves`). Everything that loads a model to use it comes
through :meth:`InForce.load`; a quarantine therefore takes effect with the next load.
"""

from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.evidence.signatures import SUBJECT_KIND
from clinical_assets.evidence.stage_moves import judge_in_force
from clinical_assets.ledger.actions import Change, Failing
from clinical_assets.ledger.entry import Subject, read_entry
from clinical_assets.modelling.champion import KeptModel
from clinical_assets.modelling.spec import ClinicalModel
from resources.ledger import Ledger
from resources.ledger_reader import Wanted
from resources.mlflow_registry import CHAMPION, Registry
from resources.package_store import PackageStore
from resources.stages import Stages


@dataclass(frozen=True, slots=True)
class InForce:
    """The released version of one model, if there is one that may be used."""

    spec: ClinicalModel
    ledger: Ledger
    registry: Registry
    packages: PackageStore

    def subject(self) -> Subject | None:
        """The package that the ledger says was made champion last; None before the first release.

        Raises:
            ClinicalError: an entry that says so was changed past the ledger.
        """
        made = [
            entry.act.subject
            for entry in self.ledger.decisions.refresh()
            if entry.act.action == "registry.changed"
            and entry.act.outcome == "done"
            and (entry.act.subject.kind, entry.act.subject.id) == (SUBJECT_KIND, self.spec.name)
        ]
        return made[-1] if made else None

    def contradiction(self) -> str:
        """How MLflow's alias differs from what the ledger holds; empty where they agree."""
        subject, champion = self.subject(), self.registry.champion(self.spec.name)
        if champion is None:
            if subject is None:
                return ""
            return f"the ledger holds {subject.version} as {CHAMPION}, MLflow names none"
        if subject is None:
            return f"MLflow calls {champion.version} {CHAMPION}, which the ledger never released"
        if champion.package_sha256 != subject.sha256:
            return (
                f"MLflow calls {champion.version} ({champion.package_sha256[:8]}) {CHAMPION}, the"
                f" ledger holds {subject.version} ({subject.sha256[:8]})"
            )
        return ""

    def require(self) -> ReleaseRecord:
        """The release that may be used now.

        Raises:
            ClinicalError: there is none, MLflow contradicts the ledger, or the version is not, or
                no longer, released with every signature valid. It is recorded (``model.refused``).
        """
        subject = self.subject()
        if problem := self.problem():
            about = subject or Subject(SUBJECT_KIND, self.spec.name)
            self.ledger.record(
                "model.refused", about, Failing("not in force"), outcome="refused", reason=problem
            )
            raise ClinicalError(
                f"No version of this model may be used: {problem}",
                where=f"model {self.spec.name}",
                repair=f"See `clinical stage show {self.spec.name}`",
            )
        champion = self.registry.champion(self.spec.name)
        if champion is None:
            raise AssertionError("the champion was there when it was compared")
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
        problem = self.contradiction()
        if not problem:
            return False
        wanted = Wanted(
            subject_kind=SUBJECT_KIND, subject_id=self.spec.name, action="registry.contradicted"
        )
        known = self.ledger.reader.find(wanted, newest=1)
        subject = self.subject() or Subject(SUBJECT_KIND, self.spec.name)
        champion = self.registry.champion(self.spec.name)
        found = Change(CHAMPION, subject.version, champion.version if champion else "")
        if not known or read_entry(known[0].body).act.details != found:
            self.ledger.record("registry.contradicted", subject, found, reason=problem)
        return True

    def problem(self) -> str:
        """Why no version may be used now; empty where one may."""
        subject = self.subject()
        if contradiction := self.contradiction():
            return contradiction
        if subject is None:
            return "none was released"
        verdict = judge_in_force(Stages(self.ledger, self.spec).state(subject))
        return "" if verdict.passed else verdict.summary
