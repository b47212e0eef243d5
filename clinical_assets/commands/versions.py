"""Which version of which model a command means: ``MODEL``, ``MODEL@VERSION`` or its beginning."""

from typing import TYPE_CHECKING

from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from clinical_assets.ledger.entry import Subject
    from resources.ledger import Ledger
    from resources.settings import Settings
    from resources.stages import Stages


def stages_of(settings: "Settings", ledger: "Ledger", model: str) -> "Stages":
    """The stages of a model that this installation has.

    Raises:
        ClinicalError: it has none of that name.
    """
    from clinical_assets.models import models
    from resources.stages import Stages

    specs = {spec.name: spec for spec in models(settings.models)}
    if model not in specs:
        raise ClinicalError(
            f"There is no model named {model}", repair=f"Choose among {', '.join(specs)}"
        )
    return Stages(ledger, specs[model])


def version_of(stages: "Stages", named: str) -> "Subject":
    """The package that ``named`` means: a version or its beginning; empty for the newest.

    A version that was packaged several times means its newest package.

    Raises:
        ClinicalError: there is none, or several versions begin like that.
    """
    known = stages.versions()
    model = stages.spec.name
    if not known:
        raise ClinicalError(
            f"No version of {model} was packaged yet",
            repair=f"Materialize the job {model}_candidate, or run `clinical demo`",
        )
    found = [s for s in known if s.version == named] or [
        s for s in known if s.version.startswith(named) or s.sha256.startswith(named)
    ]
    names = list(dict.fromkeys(s.version for s in found))
    if not found or (named and len(names) > 1):
        raise ClinicalError(
            f"{len(names) or 'No'} versions of {model} begin with {named!r}",
            repair="Name one of " + ", ".join(dict.fromkeys(s.version for s in known)),
        )
    return found[-1]


def divided(text: str) -> tuple[str, str]:
    """``MODEL@VERSION`` as model and version; the version may be missing."""
    model, _, version = text.partition("@")
    return model, version
