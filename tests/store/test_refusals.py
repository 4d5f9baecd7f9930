"""What the ledger keeps of a refusal says by which rule: as the log has it, read back, and as `ledger show` words it."""

from collections.abc import Iterator

import pytest
from tests.clock import ManualClock
from tests.core.test_guardrails import JUDGED, ROWS, Row, refusals
from tests.scripted import CHANGE
from tests.store.test_append import begin

from penstock.adapters.store.store import Store, open_store
from penstock.core.change import events as e
from penstock.core.change.journal import Appended, Draft
from penstock.core.change.model import Action, LegName
from penstock.core.refs import Digest
from penstock.core.tap import TapDecision
from penstock.core.verdict import Outcome, Verdict, passed
from penstock.flows.world import VERDICT, verdict_text

FINE = passed("fine")
NAMED_BY = {
    "G-01": "P-002",
    "G-02": "P-004",
    "G-04": "protected_paths",
    "G-05": "protected_paths",
    "G-07": "P-008",
}
"""Where one question answers for two rules: the rule that is listed. Its reason names the other."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("refusals"), ManualClock())
    begin(store)
    yield store
    store.close()


def recorded(store: Store, name: str, verdict: Verdict) -> tuple[e.TapDecided, Verdict]:
    """The decision that rests on it, as the log tells it."""
    decision = TapDecision(
        subject=name, policy=verdict, authority=FINE, truth=FINE, policy_digest=Digest("sha256:" + "0" * 64)
    )
    texts = store.texts()
    event = e.TapDecided(
        action=Action.COMMENT,
        repo=None,
        leg=LegName.FORWARD,
        effect=name,
        subject=name,
        policy=decision.policy.outcome,
        authority=decision.authority.outcome,
        truth=decision.truth.outcome,
        rules=decision.rules,
        verdict=texts.put(verdict_text(decision.verdict)),
        notice=name,
    )
    assert isinstance(store.record(CHANGE, Draft(key=name, event=event, blobs=texts.blobs)), Appended)
    entries = store.reader.entries(CHANGE)
    kept = entries[-1].event
    assert isinstance(kept, e.TapDecided)
    return kept, VERDICT.validate_json(store.texts().get(kept.verdict) or "")


@pytest.mark.parametrize(("name", "number"), JUDGED, ids=[f"{name}.{n}" for name, n in JUDGED])
def test_the_ledger_says_which_rule_refused(told: Store, name: str, number: int) -> None:
    row = ROWS[name]
    assert isinstance(row, Row)
    event, tree = recorded(told, f"{name}.{number}", row.asked[number]())
    assert not event.allowed
    assert event.policy is not Outcome.PASS
    rule = row.by or name
    assert any(rule in said for said in refusals(tree)), "the tree that is kept"
    assert NAMED_BY.get(rule, rule) in event.rules, "its list of rules, which `ledger show` prints"
