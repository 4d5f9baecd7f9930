"""`penstock tap verify`: for a person or a workflow, with a file and a key, without an installation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.e2e.calling import Caller

from penstock.adapters.store.seal import KEY_FILE, open_seal
from penstock.core.ledger import canonical, plain
from penstock.core.policy.rules import Policy, policy_digest
from penstock.core.refs import ChangeId, Digest, Sha
from penstock.core.tap import RECORD_TYPE, Part, TapRecord
from penstock.core.verdict import Outcome
from penstock.flows.attesting import as_comment
from penstock.settings import Config, policy_of

HEAD, OTHER = "1" * 40, "2" * 40
FINE = Part(outcome=Outcome.PASS, rules=("approval",))


def record(policy: Policy) -> TapRecord:
    now = datetime.now(UTC)
    return TapRecord(
        id=Digest("sha256:" + "c" * 64),
        change=ChangeId("c-0123456789"),
        action="pull_request",
        repository="forge/R_1",
        subject=Digest("sha256:" + "d" * 64),
        head=Sha(HEAD),
        policy=FINE,
        authority=FINE,
        truth=FINE,
        policy_digest=policy_digest(policy),
        approvals=("a-1",),
        at=now - timedelta(hours=1),
        expires_at=now + timedelta(hours=1),
    )


@pytest.fixture
def key(elsewhere: Caller) -> Path:
    """A key of somebody who signs; a body that carries their record, and what may go wrong with it."""
    seal = open_seal(elsewhere.folder / "signer", may_make=True)
    fine = record(policy_of(Config(version=1)))
    late = replace(fine, expires_at=fine.at)
    for name, told in (("body", fine), ("expired", late)):
        comment = as_comment(seal.envelope(canonical(plain(told)), RECORD_TYPE))
        (elsewhere.folder / f"{name}.md").write_text(f"Some words.\n\n{comment}\n")
    body = (elsewhere.folder / "body.md").read_text()
    (elsewhere.folder / "twice.md").write_text(body * 2)
    (elsewhere.folder / "forged.md").write_text(body.replace('"payload": "ey', '"payload": "fy'))
    (elsewhere.folder / "none.md").write_text("No record.\n")
    return elsewhere.folder / "signer" / f"{KEY_FILE}.pub"


@pytest.mark.parametrize(
    ("file", "head", "code", "why"),
    [
        ("body.md", HEAD, 0, "The record holds"),
        ("body.md", OTHER, 1, f"decided for {HEAD}, asked of {OTHER}"),
        ("expired.md", HEAD, 1, "expiry"),
        ("forged.md", HEAD, 1, "not signed by a trusted key"),
        ("twice.md", HEAD, 1, "2 records"),
        ("none.md", HEAD, 1, "no record in it"),
        ("body.md", "", 2, "--head"),
        ("absent.md", HEAD, 2, "no such file"),
    ],
)
def test_a_records_file(elsewhere: Caller, key: Path, file: str, head: str, code: int, why: str):
    said = elsewhere("tap", "verify", file, "--head", head, "--key", str(key), expect=code)
    assert why in " ".join((said.out + said.err).split())


def test_whose_key_it_is_must_be_said(elsewhere: Caller, key: Path):
    assert "--key" in elsewhere("tap", "verify", "body.md", "--head", HEAD, expect=2).err
    stranger = open_seal(elsewhere.folder / "stranger", may_make=True)
    assert stranger.key_id
    named = str(elsewhere.folder / "stranger" / f"{KEY_FILE}.pub")
    elsewhere("tap", "verify", "body.md", "--head", HEAD, "--key", named, expect=1)


def test_a_policy_that_was_changed_since_is_not_the_one(elsewhere: Caller, key: Path):
    (elsewhere.folder / "config").mkdir()
    (elsewhere.folder / "config" / "orchestrator.yml").write_text("version: 1\nsafety: {max_files: 3}\n")
    words = ("tap", "verify", "body.md", "--head", HEAD, "--key", str(key), "--json")
    told = elsewhere(*words, expect=1).document
    assert told["holds"] is False
    (one,) = told["records"]
    assert one["record"]["head"] == HEAD
    assert [c["rule"] for c in one["verdict"]["children"] if c["outcome"] != "pass"] == ["policy_digest"]


def test_within_a_job_the_step_summary_has_it(elsewhere: Caller, key: Path):
    place = elsewhere.folder / "summary.md"
    elsewhere.monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    for head, code in ((HEAD, 0), (OTHER, 1)):
        elsewhere("tap", "verify", "body.md", "--head", head, "--key", str(key), expect=code)
    text = place.read_text()
    assert text.count("# TAP record") == 2
    assert "✗ **head**" in text
