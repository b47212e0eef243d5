"""The approval record of a version: every signature on it, as any reader is to see them.

Signatures are given on a finished package, so the card inside the package cannot show them. This
record does: what was signed, by whom (printed name), when (with zone), as what and with which
meaning, what became of it, and what is still missing (P11-13, P11-14). It is data first; its
forms render one document, so none can drop a signature that another one shows.
"""

from dataclasses import dataclass

from clinical_assets.canonical import canonical_json, digest_of
from clinical_assets.evidence.document import (
    Block,
    Callout,
    Document,
    Paragraph,
    Section,
    Text,
    Tile,
    cell,
    facts,
    table,
)
from clinical_assets.evidence.document_html import render_html
from clinical_assets.evidence.document_markdown import render_markdown
from clinical_assets.evidence.document_text import render_text
from clinical_assets.evidence.stage_state import Anomaly, SignatureRecord, StageState, Step
from clinical_assets.evidence.wording import one_line, plural
from clinical_assets.ledger.entry import time_text
from clinical_assets.modelling.approvals import Approval, Stage

SHEET_FORMAT = "clinical-approval-record/1"
DEMONSTRATION = "DEMONSTRATION"


@dataclass(frozen=True, slots=True)
class ApprovalSheet:
    """What is known of a version's approvals when the ledger had ``ledger_size`` entries.

    Attributes:
        card_sha256: digest of the model card's record.
        policy_sha256: the declaration of stages and approvals that everything was judged by.
        approvals: what that declaration asks for; ``missing``: what no valid signature gives.
        since: when the version entered its stage, UTC; empty where it is in none.
        ledger_root: root of the entries that were read, hexadecimal.
    """

    model: str
    title: str
    version: str
    package_sha256: str
    card_sha256: str
    stage: Stage | None
    since: str
    policy_sha256: str
    distinct_signers: bool
    approvals: tuple[Approval, ...]
    missing: tuple[Approval, ...]
    signatures: tuple[SignatureRecord, ...]
    steps: tuple[Step, ...]
    anomalies: tuple[Anomaly, ...]
    superseded: tuple[str, ...]
    ledger_size: int
    ledger_root: str
    format: str = SHEET_FORMAT


def approval_sheet(
    state: StageState, *, title: str, card_sha256: str, ledger_size: int, ledger_root: str
) -> ApprovalSheet:
    """The record of a version's approvals from its state."""
    return ApprovalSheet(
        model=state.subject.id,
        title=title,
        version=state.subject.version,
        package_sha256=state.subject.sha256,
        card_sha256=card_sha256,
        stage=state.stage,
        since=time_text(state.since) if state.since else "",
        policy_sha256=state.policy.digest,
        distinct_signers=state.policy.distinct_signers,
        approvals=state.policy.approvals,
        missing=state.missing,
        signatures=state.signatures,
        steps=state.steps,
        anomalies=state.anomalies,
        superseded=state.superseded,
        ledger_size=ledger_size,
        ledger_root=ledger_root,
    )


def approval_forms(sheet: ApprovalSheet) -> dict[str, bytes]:
    """``approval_record.json``, ``.md``, ``.html`` and ``.txt`` (for a terminal)."""
    document = approval_document(sheet)
    return {
        "approval_record.json": canonical_json(sheet),
        "approval_record.md": render_markdown(document).encode(),
        "approval_record.html": render_html(document).encode(),
        "approval_record.txt": render_text(document).encode(),
    }


def approval_document(sheet: ApprovalSheet) -> Document:
    """The document that every readable form renders."""
    return Document(
        kind="Approval record",
        title=one_line(sheet.title) or "not answered",
        subtitle=f"{sheet.model} {sheet.version}",
        badges=approval_badges(sheet),
        tiles=(
            Tile("Stage", sheet.stage or "none", f"since {sheet.since}" if sheet.since else "–"),
            Tile("Signatures", str(len(sheet.signatures)), f"{len(sheet.missing)} missing"),
        ),
        callouts=approval_callouts(sheet),
        sections=(
            _identity(sheet),
            signatures_section(sheet),
            demanded_section(sheet),
            _history(sheet),
            _anomalies(sheet),
        ),
        digest=digest_of(sheet),
    )


def approval_badges(sheet: ApprovalSheet) -> tuple[Text, ...]:
    """Stage, how many of the demanded signatures are valid, and the mark of a demonstration."""
    given = len(sheet.approvals) - len(sheet.missing)
    complete = not sheet.missing and bool(sheet.approvals)
    return (
        Text(sheet.stage or "in no stage", "good" if sheet.stage == "released" else "caution"),
        Text(
            f"{given} of {plural(len(sheet.approvals), 'demanded signature')} valid",
            "good" if complete else "caution",
        ),
        *((Text(DEMONSTRATION, "bad"),) if _generated(sheet) else ()),
    )


def signed_at(signature: SignatureRecord) -> str:
    """Date and time of signing with the zone of the signer's terminal.

    The form is ``2026-11-24 13:07:00 +01:00 (Europe/Berlin)``.
    """
    time = signature.local_time
    day, clock, offset = time[:10], time[11:-6], time[-6:]
    return f"{day} {clock} {offset} ({one_line(signature.zone)})"


def printed_name(signature: SignatureRecord) -> str:
    """The signer's name as printed then; a generated person is marked as such."""
    name = one_line(signature.name)
    return f"{name} – {DEMONSTRATION}" if signature.demonstration else name


def _generated(sheet: ApprovalSheet) -> int:
    return sum(s.demonstration for s in sheet.signatures)


def approval_callouts(sheet: ApprovalSheet) -> tuple[Callout, ...]:
    """What must not be overlooked: generated signers, anomalies, another policy."""
    found = []
    if generated := _generated(sheet):
        found.append(
            Callout(
                "bad",
                f"{DEMONSTRATION}: {plural(generated, 'signature')} by generated persons, which "
                "approve nothing outside of a demonstration. This version is not for use.",
            )
        )
    unexamined = [a for a in sheet.anomalies if not a.examined]
    if unexamined:
        found.append(
            Callout("bad", f"{plural(len(unexamined), 'anomaly', 'anomalies')} not examined.")
        )
    if sheet.superseded:
        made = "Transitions made under another policy or upon generated signatures"
        found.append(Callout("caution", f"{made} hold no longer."))
    return tuple(found)


def _identity(sheet: ApprovalSheet) -> Section:
    return Section(
        "identity",
        "What is signed",
        (
            facts(
                ("Model", f"{sheet.model} {sheet.version}"),
                ("Stage", sheet.stage or "none"),
                ("Package, SHA-256", Text(sheet.package_sha256, "code")),
                ("Model card, SHA-256", Text(sheet.card_sha256, "code")),
                ("Policy of stages and approvals, SHA-256", Text(sheet.policy_sha256, "code")),
                ("Ledger read", f"{sheet.ledger_size:,} entries"),
                ("Root of the ledger", Text(sheet.ledger_root, "code")),
            ),
        ),
    )


def signatures_section(sheet: ApprovalSheet) -> Section:
    """Every signature, whatever became of it, and how it was given."""
    headers = ("Printed name", "Signed at", "Meaning", "Role", "Stage", "Comment", "Counts")
    rows = [
        (
            Text(printed_name(s), "bad" if s.demonstration else ""),
            signed_at(s),
            s.meaning,
            one_line(s.role),
            one_line(s.stage),
            one_line(s.comment) or cell("–"),
            _standing(s),
        )
        for s in sheet.signatures
    ]
    how = [
        (
            Text(f"{s.seq}", "number"),
            printed_name(s),
            Text(one_line(s.signer), "code"),
            one_line(s.method),
            one_line(", ".join(s.factors)) or cell("–"),
            Text(one_line(s.digest), "code"),
            Text(one_line(s.revokes), "code") if s.revokes else cell("–"),
        )
        for s in sheet.signatures
    ]
    how_headers = ("Entry", "Printed name", "Id", "Method", "Factors", "SHA-256", "Revokes")
    blocks: list[Block] = [table("Every signature, in order", headers, rows)]
    if rows:
        blocks.append(table("How each was given", how_headers, how))
    else:
        blocks.append(Callout("caution", "No signature was given."))
    return Section("signatures", "Signatures", tuple(blocks))


def _standing(signature: SignatureRecord) -> Text:
    if signature.standing == "void":
        return Text(f"void: {one_line(signature.reason)}", "bad")
    return Text(signature.standing, "good" if signature.standing == "valid" else "caution")


def demanded_section(sheet: ApprovalSheet) -> Section:
    """What the spec demands, and what is missing of it."""
    waiting = list(sheet.missing)
    rows = []
    for asked in sheet.approvals:
        missing = asked in waiting
        if missing:
            waiting.remove(asked)
        state = Text("missing", "caution") if missing else Text("given", "good")
        rows.append((asked.stage, asked.role, asked.meaning, state))
    persons = (
        "One person signs under one role only."
        if sheet.distinct_signers
        else "One person may sign under several roles."
    )
    return Section(
        "demanded",
        "What the spec demands",
        (
            table("Demanded signatures", ("Stage", "Role", "Meaning", "State"), rows),
            Paragraph(f"{persons} No author of the version approves it."),
        ),
    )


def _history(sheet: ApprovalSheet) -> Section:
    rows = [
        (Text(f"{s.seq}", "number"), s.stage, time_text(s.at), one_line(s.actor), one_line(s.cause))
        for s in sheet.steps
    ]
    headers = ("Entry", "Stage", "Entered at (UTC)", "By", "Cause")
    return Section("history", "Stages", (table("Stages entered, in order", headers, rows),))


def _anomalies(sheet: ApprovalSheet) -> Section:
    rows = [
        (
            Text(f"{a.seq}", "number"),
            time_text(a.at),
            one_line(a.what),
            Text("examined", "caution") if a.examined else Text("not examined", "bad"),
        )
        for a in sheet.anomalies
    ]
    superseded = [(one_line(line),) for line in sheet.superseded]
    return Section(
        "anomalies",
        "Anomalies",
        (
            table("Entries that were not obeyed", ("Entry", "At (UTC)", "What", "State"), rows),
            table(
                "Made before, not in force now",
                ("Transition",),
                superseded,
            ),
        ),
    )
