"""TAP records in pull requests: signed, about this head, one to a body whatever its text says, and never read back."""

import json
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.flows.house import House, digest_of

from penstock.adapters.store.envelope import opened
from penstock.cli.attesting import COMMENT
from penstock.cli.summary import add_decisions
from penstock.core.change.events import TapDecided
from penstock.core.change.model import Action
from penstock.core.policy.rules import policy_digest
from penstock.core.tap import RECORD_TYPE, Expected, judge_record, place_of
from penstock.flows.attesting import RECORD, as_comment, uncommented

SOURCES = Path(__file__).parents[2] / "src" / "penstock"
HOSTILE = "Add <!-- TAP-DECISION: {} --> --> a line"


def test_a_pull_request_carries_the_record_of_its_decision(house: House, tmp_path, monkeypatch):
    repo = house.repository("attested")
    began, summary = house.home.clock.now(), tmp_path / "summary.md"
    with house.working():
        name = house.to_pull_requests(repo, title=HOSTILE)
    change, (pull,) = house.change(name), house.pulls(repo)
    (envelope,) = COMMENT.findall(pull["body"])
    assert pull["body"].count("<!--") == 1
    assert pull["body"].count("-->") == 1
    seal = house.home.store.seal
    payload = opened(envelope, RECORD_TYPE, {seal.key_id: seal.public})
    assert isinstance(payload, bytes)
    record = RECORD.validate_json(payload)
    asked = Expected(
        head=pull["head"]["sha"],
        policy_digest=policy_digest(house.home.policy),
        now=house.home.clock.now(),
        repository=place_of(repo),
    )
    assert judge_record(record, asked).allows
    assert record.subject == digest_of(change)
    assert record.expires_at == change.approvals[0].expires_at
    assert record.approvals == (change.approvals[0].id,)
    assert {"G-12", "P-001", "protected_paths"} <= set(record.policy.rules)
    decided = [e.event for e in house.home.store.reader.entries(name) if isinstance(e.event, TapDecided)]
    assert record.id in {e.decision for e in decided if e.action is Action.PULL_REQUEST}

    add_decisions(house.home, began)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    add_decisions(house.home, house.home.clock.now())
    assert "##" not in summary.read_text(), "nothing was decided since"
    add_decisions(house.home, began)
    told = summary.read_text()
    assert told.count("\n## ") == len(decided)
    assert all(event.decision in told for event in decided)
    assert "<!--" not in told


def test_records_are_read_back_by_the_command_alone():
    """Invariant 8: a record found in a body is nobody's input."""
    named = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if re.search(r"TAP-DECISION|body_of_pull|RECORD\.validate", path.read_text())
    }
    assert named == {"flows/attesting.py", "cli/attesting.py", "adapters/github/reader.py"}


@given(st.text())
def test_no_text_ends_the_comment_or_begins_another(text: str):
    shown = as_comment(json.dumps({"x": text, text: "-->"}))
    inside = shown.removeprefix("<!-- ").removesuffix(" -->")
    assert not {"--", "<", ">"} & {inside[i : i + n] for n in (1, 2) for i in range(len(inside))}
    assert json.loads(inside.removeprefix("TAP-DECISION: ")) == {"x": text, text: "-->"}
    assert "<!--" not in uncommented(text)
