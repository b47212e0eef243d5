"""Every form that an export can have, by the name that a person asks for and by its version.

A new version of a form is added to :data:`FORMS` and takes its place in :data:`CURRENT`; the old
one stays, because exports in it are verified for ever.
"""

from collections.abc import Sequence

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.exports.cef import CEF
from clinical_assets.ledger.exports.fhir import FHIR
from clinical_assets.ledger.exports.html import HTML
from clinical_assets.ledger.exports.jsonl import JSONL
from clinical_assets.ledger.exports.ocsf import OCSF
from clinical_assets.ledger.exports.record import Form
from clinical_assets.ledger.exports.syslog import SYSLOG
from clinical_assets.ledger.exports.tabular import CSV

CURRENT: dict[str, Form] = {
    "jsonl": JSONL,
    "csv": CSV,
    "html": HTML,
    "ocsf": OCSF,
    "cef": CEF,
    "syslog": SYSLOG,
    "fhir": FHIR,
}
FORMS: dict[str, Form] = {form.name: form for form in CURRENT.values()}


def forms_named(names: Sequence[str]) -> tuple[Form, ...]:
    """The forms of these names, the entries themselves always and first.

    Raises:
        ClinicalError: there is no form of one of the names.
    """
    for name in names:
        if name not in CURRENT:
            raise ClinicalError(
                f"The ledger is not exported as {name!r}",
                repair=f"Choose among {', '.join(CURRENT)}",
            )
    return tuple(form for name, form in CURRENT.items() if name == "jsonl" or name in names)
