"""Which secrets people may choose, and how long a secret and an unused account are good (P11-24).

What belongs here: the rules. What does not: hashing. Length counts, not kinds of characters (NIST
SP 800-63B-4, section 3.1.1); what an attacker tries first is refused.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

# Of 12 characters and more, what lists of broken secrets name most often, and its bricks.
_COMMONEST = frozenset(
    {
        *("123456789012", "1234567890123", "qwertyuiop12", "qwertyuiop123", "1q2w3e4r5t6y"),
        *("1qaz2wsx3edc", "zaq12wsxcde3", "password1234", "passwordpassword", "letmeinletmein"),
        *("administrator", "changemechangeme", "iloveyou1234", "welcome12345", "adminadmin123"),
        *("correcthorsebatterystaple", "qwertyqwerty", "asdfghjkl123", "abcdefghijkl"),
        *("abcd12345678", "0123456789ab", "p@ssw0rd1234", "hospital1234", "clinical1234"),
    }
)
_FEWEST_KINDS = 5  # different characters
_SHORTEST_PART = 4  # of an id or name that a secret must not contain


@dataclass(frozen=True, slots=True)
class SecretPolicy:
    """Length and ages; a secret that was issued for first use is good for a short while only."""

    shortest: int = 12
    longest: int = 256
    max_age: timedelta = timedelta(days=365)
    issued_for: timedelta = timedelta(hours=72)
    dormant_after: timedelta = timedelta(days=90)

    def problems(self, secret: str, id: str, name: str) -> Iterator[str]:
        """What is wrong with ``secret`` as the choice of the person so called, a phrase each."""
        folded = unicodedata.normalize("NFKC", secret).casefold()
        if not self.shortest <= len(secret) <= self.longest:
            yield f"it needs {self.shortest} to {self.longest} characters"
        if len(set(folded)) < _FEWEST_KINDS:
            yield "it consists of very few different characters"
        if "".join(folded.split()) in _COMMONEST:
            yield "it is among the first that are tried"
        parts = {
            id.casefold(),
            *id.casefold().replace("@", ".").split("."),
            *name.casefold().split(),
        }
        if any(part in folded for part in parts if len(part) >= _SHORTEST_PART):
            yield "it contains the id or the name"

    def is_too_old(self, set_at: datetime, now: datetime) -> bool:
        """Whether a secret that its owner set at ``set_at`` has to be changed."""
        return now - set_at > self.max_age

    def is_stale(self, issued_at: datetime, now: datetime) -> bool:
        """Whether an issued secret was not used in time."""
        return now - issued_at > self.issued_for

    def is_dormant(self, attended_at: datetime, now: datetime) -> bool:
        """Whether an account was not used, or given a secret, for so long that it is locked."""
        return now - attended_at > self.dormant_after
