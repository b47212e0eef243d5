"""Whether the person at this terminal may do something; commands ask before they do it (P11-07)."""

from clinical_assets.people.rights import Right, may
from resources.ledger import open_ledger
from resources.people.access import Access
from resources.settings import Settings


def require_right(settings: Settings, right: Right) -> None:
    """Asks whether the person at this terminal has ``right`` (P11-07).

    Where nobody was ever enrolled there is nobody to ask: the installation is then its operating
    system user's, and what is done is recorded as the local installation's. From the first
    administrator on, a person with the right has to be logged in. A right that services have needs
    nobody: where nobody is logged in the process acts as its service, as daemons and workers do.

    Raises:
        ClinicalError: nobody is logged in, or the right is lacking, which is recorded.
    """
    ledger = open_ledger(settings)
    access = Access(ledger.store, settings.keys)
    with access.accounts.watching(), access.store.reading() as connection:
        if access.store.engine.embedded and not access.has_people(connection):
            return
    if may(("service",), right) and ledger.actor.kind == "service":
        return
    access.with_right(right, right, lambda *_: ())
