"""The accountability statement that everybody accepts before the first signature (P11-10).

What belongs here: its text and version. A change of the text is a new version, and everybody
accepts it anew. The organisation's own policy stands above it; this text only makes sure that
nobody signs without having been told what a signature means.
"""

from clinical_assets.canonical import sha256
from clinical_assets.people.person import Acceptance

VERSION = "1"

TEXT = """\
What I sign here electronically binds me as my handwritten signature does.
I answer for every act that is done under my id with my secret.
I tell nobody my secret and let nobody act under my id.
I say at once when I believe that somebody else knows my secret or uses my id.
I sign only what I have examined, and only with the meaning that I state.
"""

CURRENT = Acceptance(VERSION, sha256(TEXT.encode()))
