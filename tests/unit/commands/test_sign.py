"""``clinical sign`` and ``clinical stage`` as the people of a model use them."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from resources import ledger as ledger_module
from resources.people.authentication import Authentication
from resources.people.identity import IdentityRegister
from tests.unit.commands.signing_place import SECRETS, SigningPlace
from tests.unit.resources.governed import GOOD, SUBJECT
from tests.unit.resources.register import FAST


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version that waits for its first signature, and everybody who may sign it."""
    folder = tmp_path_factory.mktemp("enrolled")
    with pytest.MonkeyPatch.context() as patch:
        _at(folder / "store", patch)
        SigningPlace(folder / "store").enrol().build()
    ledger_module._opened.clear()
    return folder / "store"


@pytest.fixture
def place(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SigningPlace]:
    """A copy of it."""
    shutil.copytree(enrolled, tmp_path / "store")
    _at(tmp_path / "store", monkeypatch)
    yield SigningPlace(tmp_path / "store")
    ledger_module._opened.clear()


def _at(store: Path, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CLINICAL_"):
            patch.delenv(name)
    patch.setenv("CLINICAL_STORE", str(store))
    patch.setenv("CLINICAL_MODELS", "tests.graph.small_model:MODEL")
    patch.setenv("COLUMNS", "100")
    patch.setattr(
        "resources.people.identity.IdentityRegister", partial(IdentityRegister, hashing=FAST)
    )
    patch.setattr(
        "resources.people.authentication.Authentication", partial(Authentication, hashing=FAST)
    )


REVIEW = ("--stage", "clinical review", "--meaning", "review")


def test_from_the_first_signature_to_the_last(place: SigningPlace) -> None:
    told = place.sign("cora", "clinical review", "review", "--zone", "Europe/Berlin")
    assert f"package, SHA-256: {SUBJECT.sha256}" in told
    assert "Signed by Cora as clinical reviewer, " in told
    assert "(Europe/Berlin)" in told
    assert "The version is now in ethics review. It waits for " in told
    assert SECRETS["cora"] not in told
    place.sign("edda", "ethics review")
    told = place.sign("quentin", "quality approval", "approval")
    assert "Every signature is given" in told
    shown = place.run("stage", "show", "small")
    assert shown.exit_code == 1  # signed, and not released
    assert "[3 of 3 demanded signatures valid]" in shown.output
    assert "Not to be used: " in shown.output


def test_a_signature_is_revoked_by_the_digest_that_was_shown(place: SigningPlace) -> None:
    told = place.sign("cora", "clinical review")
    (digest,) = re.findall(r"signature: ([0-9a-f]{64}) ", told)
    assert f"signature_sha256={digest}" in place.done("stage", "history", "small")
    why = ("--comment", "Read the wrong file", "--revokes", digest)
    told = place.sign("cora", "clinical review", "revocation", *why)
    assert "The version is now in clinical review." in told
    record = json.loads(place.run("stage", "show", "small", "--json").stdout)
    assert record["signatures"][0]["standing"] != "valid"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stage", "quality approval", "--meaning", "approval", "--id", "quentin"), "order"),
        (
            (*REVIEW, "--id", "quentin", "--role", "quality"),
            "asks for review by clinical reviewer",
        ),
        ((*REVIEW, "--id", "cora", "--role", "quality"), "does not hold the role quality"),
        ((*REVIEW, "--id", "rita"), "Somebody signs who holds the role that is asked for"),
    ],
)
def test_what_may_not_be_signed_is_refused(
    place: SigningPlace, arguments: tuple[str, ...], words: str
) -> None:
    secret = SECRETS[arguments[arguments.index("--id") + 1]]
    said = place.mistake("sign", "small", *arguments, "--secret-stdin", stdin=secret)
    assert words in said
    assert place.stages.state(SUBJECT).signatures == ()


def test_a_refused_signature_is_in_the_history(place: SigningPlace) -> None:
    early = ("--stage", "quality approval", "--meaning", "approval", "--id", "quentin")
    place.mistake("sign", "small", *early, "--secret-stdin", stdin=SECRETS["quentin"])
    told = place.done("stage", "history", "small")
    assert "signature.refused (refused)" in told
    assert "by quentin" in told


def test_a_wrong_secret_signs_nothing(place: SigningPlace) -> None:
    asked = ("sign", "small", *REVIEW, "--id", "cora", "--secret-stdin")
    place.mistake(*asked, stdin=SECRETS["edda"])
    assert place.stages.state(SUBJECT).signatures == ()
    assert "wrong secret or code" in place.done("ledger", "show", "--subject", "cora")


def test_being_logged_in_does_not_sign(place: SigningPlace) -> None:
    place.done("login", "cora", "--secret-stdin", stdin=SECRETS["cora"])
    asked = place.run("sign", "small", *REVIEW, stdin="")  # nobody answers
    assert asked.exit_code == 1
    assert place.stages.state(SUBJECT).signatures == ()


def test_id_and_secret_are_asked_for_and_the_secret_is_not_shown(place: SigningPlace) -> None:
    told = place.done("sign", "small", *REVIEW, stdin=f"cora\n{SECRETS['cora']}\n\n")
    assert "Id: " in told
    assert "Secret: " in told
    assert SECRETS["cora"] not in told


@pytest.mark.parametrize(
    "more", [("--revokes", "a" * 64), ("--zone", "Mars/Olympus"), ("--meaning", "praise")]
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(
    place: SigningPlace, more: tuple[str, str]
) -> None:
    refused = place.run("sign", "small", *REVIEW, *more, stdin="")
    assert refused.exit_code != 0
    assert "Id" not in refused.output.splitlines()
    assert "You are about to sign" not in refused.output


def test_the_versions_are_found_by_their_beginning(place: SigningPlace) -> None:
    assert place.run("stage", "show", "small@1.0.0+aaaa").output.startswith("Approval record")
    assert "No versions of small begin with '2.'" in place.mistake("stage", "show", "small@2.")
    assert "There is no model named smal" in place.mistake("stage", "show", "smal")


def test_the_history_is_every_move_and_signature_in_order(place: SigningPlace) -> None:
    place.sign("cora", "clinical review")
    entries = [
        json.loads(line) for line in place.done("stage", "history", "small", "--json").splitlines()
    ]
    assert [e["seq"] for e in entries] == sorted(e["seq"] for e in entries)
    assert [e["action"] for e in entries] == [
        "package.built",
        *["stage.changed"] * 3,
        "signature.given",
        "stage.changed",
    ]
    lines = place.done("stage", "history", "small").splitlines()
    signed = str(entries[4]["seq"])
    assert sum(line.startswith(f"{signed}  ") for line in lines) > 1
    assert all(len(line) <= 100 for line in lines)


def test_a_stage_alone_puts_nothing_in_force_and_a_quarantine_counts_at_once(
    place: SigningPlace,
) -> None:
    for id, stage in (("cora", "clinical review"), ("edda", "ethics review")):
        place.sign(id, stage)
    place.sign("quentin", "quality approval", "approval")
    place.stages.enter(SUBJECT, "released", gates=GOOD)
    shown = place.run("stage", "show", "small")
    assert shown.exit_code == 1
    assert "Not to be used: none was released." in shown.output  # nothing was made champion
    stop = ("--stage", "quarantined", "--meaning", "responsibility", "--comment", "Wrong units")
    told = place.done(
        "sign", "small", *stop, "--id", "cora", "--secret-stdin", stdin=SECRETS["cora"]
    )
    assert "The version is now in quarantined." in told
