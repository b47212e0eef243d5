"""A model from its source to its release, with generated people in the place of real ones.

What belongs here: who acts when in a demonstration. What does not: the runs (:mod:`.runs`), the
people (``resources/people/demonstration_people.py``) and what is shown of it. They sign through
the same door as everyone: all components, the same rules, entries that say what they are.
"""

from collections.abc import Mapping
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.stage_fold import version_subject
from clinical_assets.ledger.entry import Subject
from clinical_assets.modelling.approvals import Approval, Role
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.runs import Runner, RunReport
from resources.actors import acting
from resources.ledger import Ledger
from resources.locks import held
from resources.people.account_changes import AccountChanges
from resources.people.authentication import Authentication
from resources.people.claims import Authenticated
from resources.people.demonstration_people import (
    DemonstrationPerson,
    demonstration_people,
    people_are_enrolled,
)
from resources.stages import Shown, Stages
from resources.terminal_zone import local_zone

COMMENT = "Demonstration: nobody read this"
_WAIT_SECONDS = 120.0


def demonstrate(
    runner: Runner, spec: ClinicalModel, ledger: Ledger, keys: Path, *, sign: bool = True
) -> RunReport:
    """Runs the candidate job, signs, and runs the release job; the report of both.

    Args:
        sign: False stops where the version waits for its first signature; it is all that is done
            where people are enrolled, and its author is whoever is logged in.

    Raises:
        ClinicalError: another process runs this model; nobody generated has a role that the spec
            asks for; a demonstration person was revoked; or people are enrolled, and none who may
            run assets is logged in, or signatures are asked for.
    """
    register = AccountChanges(ledger.store, keys)
    if not sign and people_are_enrolled(register):
        # Without an author nobody could sign it, since nobody approves their own work.
        register.with_right("operate", "operate", lambda *_: ())
        return runner.candidate(spec.name)
    # Another demonstration in this store would renew the secrets in between.
    alone = Path(runner.instance.root_directory) / "running" / "demonstration.lock"
    with held(alone, wait_seconds=_WAIT_SECONDS):
        author = _proven(register, demonstration_people(register)["author"]).actor
    with acting(author):
        report = runner.candidate(spec.name)
    if not report.succeeded or not sign:
        return report
    stages = Stages(ledger, spec)
    package = report.metadata["package"]
    subject = version_subject(spec.name, str(package["version"]), str(package["digest"]))
    with held(alone, wait_seconds=_WAIT_SECONDS):
        _sign_all(stages, subject, register, demonstration_people(register))
    released = runner.release(spec.name)
    return report.followed_by(released, stages.state(subject).valid)


def _sign_all(
    stages: Stages,
    subject: Subject,
    register: Authentication,
    people: Mapping[Role, DemonstrationPerson],
) -> None:
    """Every signature that is missing, in the order in which the stages wait for them."""
    while (asked := _waited_for(stages, subject)) is not None:
        person = people.get(asked.role)
        if person is None:
            raise ClinicalError(
                f"No demonstration person signs as {asked.role}",
                where=f"model {subject.id}",
                repair="Run `clinical demo --stop-before-signing`, and have people sign",
            )
        proven = _proven(register, person)
        with acting(proven.actor):
            stages.sign(
                subject,
                Shown(proven.factors, local_zone()),
                role=asked.role,
                stage=asked.stage,
                meaning=asked.meaning,
                comment=COMMENT,
            )
        stages.advance(subject)


def _waited_for(stages: Stages, subject: Subject) -> Approval | None:
    state = stages.state(subject)
    return next((a for a in state.missing if a.stage == state.stage), None)


def _proven(register: Authentication, person: DemonstrationPerson) -> Authenticated:
    return register.authenticate_for_signing(person.id, person.secret)
