"""A TAP record speaks for one head, under one policy, until its first approval ends."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from penstock.core.refs import ChangeId, Digest, Sha
from penstock.core.tap import Expected, Part, TapDecision, TapRecord, judge_record, part_of
from penstock.core.verdict import Outcome, all_of, blocked, failures, passed, pending, unknown, warned

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HEAD, OTHER = Sha("1" * 40), Sha("2" * 40)
POLICY, NEWER = Digest("sha256:" + "a" * 64), Digest("sha256:" + "b" * 64)
FINE = Part(outcome=Outcome.PASS, rules=("approval",))
RECORD = TapRecord(
    id=Digest("sha256:" + "c" * 64),
    change=ChangeId("c-0123456789"),
    action="pull_request",
    repository="forge/R_1",
    subject=Digest("sha256:" + "d" * 64),
    head=HEAD,
    policy=FINE,
    authority=FINE,
    truth=FINE,
    policy_digest=POLICY,
    approvals=("a-1",),
    at=NOW,
    expires_at=NOW + timedelta(days=14),
)
ASKED = Expected(head=HEAD, policy_digest=POLICY, now=NOW, repository="forge/R_1")
WAITS, BLOCKS = replace(FINE, outcome=Outcome.PENDING), replace(FINE, outcome=Outcome.BLOCK)

CASES = [
    ("as it was decided", RECORD, ASKED, []),
    ("whoever asks knows the head alone", RECORD, replace(ASKED, repository=None), []),
    ("a warning allows", replace(RECORD, policy=replace(FINE, outcome=Outcome.WARN)), ASKED, []),
    ("the last moment", RECORD, replace(ASKED, now=RECORD.expires_at - timedelta(microseconds=1)), []),
    ("another head", RECORD, replace(ASKED, head=OTHER), ["head"]),
    ("another repository", RECORD, replace(ASKED, repository="forge/R_2"), ["repository"]),
    ("the policy has changed", RECORD, replace(ASKED, policy_digest=NEWER), ["policy_digest"]),
    ("expired", RECORD, replace(ASKED, now=RECORD.expires_at), ["expiry"]),
    ("from tomorrow", RECORD, replace(ASKED, now=NOW - timedelta(seconds=1)), ["expiry"]),
    ("policy said no", replace(RECORD, policy=BLOCKS), ASKED, ["policy"]),
    ("nobody had approved", replace(RECORD, authority=WAITS), ASKED, ["authority"]),
    (
        "truth could not be known",
        replace(RECORD, truth=replace(FINE, outcome=Outcome.UNKNOWN)),
        ASKED,
        ["truth"],
    ),
]


@pytest.mark.parametrize(("what", "record", "asked", "stopped"), CASES, ids=[case[0] for case in CASES])
def test_a_record_holds_only_for_what_was_decided(what, record, asked, stopped):
    verdict = judge_record(record, asked)
    assert [leaf.rule for leaf in failures(verdict)] == stopped
    assert verdict.allows is (not stopped)


def test_a_part_names_every_rule_that_was_asked_once():
    tree = all_of("policy", (passed("G-12"), all_of("G3", (warned("weakened", "x"), passed("G-12")))))
    assert part_of(tree) == Part(outcome=Outcome.WARN, rules=("G-12", "weakened"))


@pytest.mark.parametrize("part", ["policy", "authority", "truth"])
@pytest.mark.parametrize("answer", [blocked("x", "y"), unknown("x", "y"), pending("x", "y")])
def test_a_decisions_digest_is_of_all_that_was_decided(part, answer):
    fine = passed("x", "y")
    decision = TapDecision(
        subject="pull forge/R_1", policy=fine, authority=fine, truth=fine, policy_digest=POLICY
    )
    others = (
        replace(decision, **{part: answer}),
        replace(decision, subject="pull forge/R_2"),
        replace(decision, approvals=("a-2",)),
        replace(decision, policy_digest=NEWER),
    )
    assert decision.digest not in {other.digest for other in others}
    assert {field.name for field in fields(TapDecision)} == {
        "subject",
        "policy",
        "authority",
        "truth",
        "policy_digest",
        "approvals",
    }, "another field belongs into the digest, too"
