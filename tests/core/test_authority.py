"""Who may approve, what an approval unlocks, and what the gate lets through."""

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.core.approval import (
    Approval,
    ApprovalScope,
    Approver,
    judge_approvals,
    judge_own_approvals,
    may_record,
    on_terms,
)
from penstock.core.policy.rules import Holder, Policy, Separation, Toggles, effective
from penstock.core.refs import Actor, Digest, NodeId, RepoRef, Sha
from penstock.core.tap import (
    Heads,
    Rules,
    Standing,
    TapDecision,
    decide_content,
    decide_merge,
    decide_notice,
    decide_withdrawal,
)
from penstock.core.verdict import Outcome, blocked, failures, passed, pending, unknown
from penstock.core.write import AuthorizedWrite, CloseIssue, Refusal, authorize, subject_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DIGEST, OTHER = Digest("sha256:" + "a" * 64), Digest("sha256:" + "b" * 64)
REPO = RepoRef(forge="forge", node_id=NodeId("R_1"), owner="acme", name="lib")
COMMIT, NEWER = Sha("1" * 40), Sha("2" * 40)


def approval(login="ada", digest=DIGEST, scope=ApprovalScope.CONTENT, days=14, number=1):
    return Approval(
        id=f"a{number}",
        scope=scope,
        digest=digest,
        by=Actor(login=login),
        at=NOW,
        expires_at=NOW + timedelta(days=days),
    )


APPROVALS = [
    ("none", (), 1, Outcome.PENDING),
    ("one of one", (approval(),), 1, Outcome.PASS),
    ("one of two", (approval(),), 2, Outcome.PENDING),
    ("the same person twice is one", (approval(), approval(number=2)), 2, Outcome.PENDING),
    ("two people", (approval(), approval(login="ben", number=2)), 2, Outcome.PASS),
    ("for another digest", (approval(digest=OTHER),), 1, Outcome.BLOCK),
    ("for a merge only", (approval(scope=ApprovalScope.MERGE),), 1, Outcome.PENDING),
    ("expired", (approval(days=0),), 1, Outcome.BLOCK),
]


@pytest.mark.parametrize(("what", "given", "quorum", "outcome"), APPROVALS, ids=[a[0] for a in APPROVALS])
def test_an_approval_unlocks_exactly_its_digest(what, given, quorum, outcome):
    verdict = judge_approvals(DIGEST, ApprovalScope.CONTENT, given, quorum=quorum, now=NOW)
    assert verdict.outcome is outcome


RIGHTS = [
    ("one of two may, one is enough", 1, {"ada": True, "ben": False}, Outcome.PASS),
    ("one of two may, two are needed", 2, {"ada": True, "ben": False}, Outcome.BLOCK),
    ("none may any more", 1, {"ada": False, "ben": False}, Outcome.BLOCK),
    ("it could not be read", 1, {"ada": None, "ben": None}, Outcome.UNKNOWN),
    ("who is not named is taken as given", 2, {"ada": True}, Outcome.PASS),
]


@pytest.mark.parametrize(("what", "quorum", "rights", "outcome"), RIGHTS, ids=[r[0] for r in RIGHTS])
def test_an_approver_who_may_not_write_any_more_does_not_count(what, quorum, rights, outcome):
    both = (approval(), approval(login="ben", number=2))
    verdict = judge_approvals(DIGEST, ApprovalScope.CONTENT, both, quorum=quorum, now=NOW, rights=rights)
    assert verdict.outcome is outcome


OWN = [
    ("nobody else, and that is allowed", ("req",), Separation.AUTO, 1, False),
    ("nobody else, and by now it is not", ("req",), Separation.REQUIRED, 1, True),
    ("somebody else, too", ("req", "ben"), Separation.REQUIRED, 1, False),
    ("somebody else, too, and two are needed", ("req", "ben"), Separation.REQUIRED, 2, True),
    ("others only", ("ada",), Separation.REQUIRED, 1, False),
]


@pytest.mark.parametrize(("what", "people", "separation", "quorum", "stops"), OWN, ids=[o[0] for o in OWN])
def test_a_requesters_own_approval_counts_as_long_as_it_may(what, people, separation, quorum, stops):
    given = tuple(
        replace(approval(login=login, number=n), self_approved=login == "req")
        for n, login in enumerate(people)
    )
    policy = Policy(separation=separation)
    verdict = judge_own_approvals(
        DIGEST, ApprovalScope.CONTENT, given, people=frozenset(people), quorum=quorum, policy=policy
    )
    assert (verdict is not None and not verdict.allows) is stops
    standing = Standing(digest=DIGEST, approvals=given, quorum=1, now=NOW, separation=verdict)
    decision = decide_content("content x", rules(), heads(), standing)
    assert decision.rules == (("separation_of_duties",) if stops else ())


def test_somebody_who_does_not_count_does_not_make_the_requesters_own_approval_count():
    """Whose approval has expired, or who may not write there any more."""
    given = (replace(approval(login="req"), self_approved=True), approval(login="ben", number=2))
    verdict = judge_own_approvals(
        DIGEST,
        ApprovalScope.CONTENT,
        given,
        people=frozenset({"req"}),
        quorum=1,
        policy=Policy(separation=Separation.REQUIRED),
    )
    assert verdict is not None
    assert verdict.outcome is Outcome.BLOCK


def test_an_approval_ends_when_todays_policy_says_so_and_never_later():
    given = approval(days=14)
    assert on_terms((given,), Policy(approval_days=3))[0].expires_at == NOW + timedelta(days=3)
    assert on_terms((given,), Policy(approval_days=30)) == (given,)


APPROVERS = [
    ("somebody else", "ada", True, 2, True, None, Separation.REQUIRED, True),
    ("the requester, alone", "req", True, 1, True, None, Separation.AUTO, True),
    ("the requester, one of two", "req", True, 2, True, None, Separation.AUTO, False),
    (
        "the requester, alone, but separation is required",
        "req",
        True,
        1,
        True,
        None,
        Separation.REQUIRED,
        False,
    ),
    ("without write permission", "ada", False, 2, True, None, Separation.AUTO, False),
    ("permission unreadable", "ada", None, 2, True, None, Separation.AUTO, False),
    ("Penstock's own token, at a terminal", "ada", True, 2, True, "ada", Separation.AUTO, True),
    ("Penstock's own token, from a script", "ada", True, 2, False, "ada", Separation.AUTO, False),
]


@pytest.mark.parametrize(
    ("what", "login", "may_write", "listed", "interactive", "own", "separation", "allowed"),
    APPROVERS,
    ids=[a[0] for a in APPROVERS],
)
def test_who_may_approve(what, login, may_write, listed, interactive, own, separation, allowed):
    approver = Approver(
        actor=Actor(login=login), may_write=may_write, allow_listed=listed, interactive=interactive
    )
    verdict = may_record(approver, requester="req", own_login=own, policy=Policy(separation=separation))
    assert verdict.allows is allowed


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ((), Toggles()),
        ((Holder(name="env"), Holder(name="file")), Toggles()),
        ((Holder(name="env", autonomy=True), Holder(name="org", autonomy=False)), Toggles(autonomy=False)),
        ((Holder(name="env", max_prs_per_day=50),), Toggles(max_prs_per_day=50)),
        (
            (Holder(name="env", max_prs_per_day=50), Holder(name="repo", max_prs_per_day=3)),
            Toggles(max_prs_per_day=3),
        ),
        ((Holder(name="org", readable=False),), Toggles(autonomy=False, automerge=False)),
        (
            (Holder(name="env", quarantine=False), Holder(name="system", quarantine=True)),
            Toggles(quarantine=True),
        ),
    ],
)
def test_the_strictest_toggle_that_is_set_wins(holders, expected):
    assert effective(holders) == expected


def rules(**toggles):
    fine = passed("patch set")
    return Rules(toggles=Toggles(**toggles), policy_digest=DIGEST, pinned_allows=fine, current_allows=fine)


def heads(**changed):
    values = {
        "repository_unchanged": True,
        "base_commit": COMMIT,
        "expected_base": COMMIT,
        "branch_head": None,
        "expected_head": None,
    }
    return Heads(**{**values, **changed})


APPROVED = (approval(),)


def content(rule_set=None, world=None, approvals=APPROVED):
    standing = Standing(digest=DIGEST, approvals=approvals, quorum=1, now=NOW)
    return decide_content("content x", rule_set or rules(), world or heads(), standing)


REFUSED_CONTENT = [
    ("no approval", content(approvals=()), "approval"),
    ("approval of another digest", content(approvals=(approval(digest=OTHER),)), "approval"),
    ("kill switch", content(rules(autonomy=False)), "G-12"),
    ("base moved", content(world=heads(base_commit=NEWER)), "base"),
    ("base unreadable", content(world=heads(base_commit=None)), "base"),
    ("somebody pushed to the branch", content(world=heads(branch_head=NEWER)), "head"),
    ("repository renamed or archived", content(world=heads(repository_unchanged=False)), "repository"),
    ("repository unreadable", content(world=heads(repository_unchanged=None)), "repository"),
]


@pytest.mark.parametrize(("what", "decision", "rule"), REFUSED_CONTENT, ids=[c[0] for c in REFUSED_CONTENT])
def test_content_is_refused_and_says_by_which_rule(what, decision, rule):
    assert not decision.verdict.allows
    assert decision.rules == (rule,)


@pytest.mark.parametrize("pinned", [True, False])
def test_the_pinned_and_todays_policy_must_both_allow(pinned):
    no, yes = blocked("protected_paths", "x"), passed("patch set")
    both = Rules(
        toggles=Toggles(),
        policy_digest=DIGEST,
        pinned_allows=no if pinned else yes,
        current_allows=yes if pinned else no,
    )
    assert content(both).rules == ("protected_paths",)


REFUSED_MERGES = [
    ("failing checks", rules(), blocked("test", "failure"), passed("a"), "G-08 test"),
    ("missing checks", rules(), pending("test", "not reported"), passed("a"), "G-08 test"),
    ("unreadable rules", rules(), unknown("required_checks", "403"), passed("a"), "G-08 required_checks"),
    ("quarantine", rules(quarantine=True), passed("G5"), passed("a"), "G-11"),
    ("merging switched off", rules(automerge=False), passed("G5"), passed("a"), "automerge"),
    (
        "a secret in its texts",
        replace(rules(), secrets=("known",)),
        passed("G5"),
        passed("a"),
        "P-001",
    ),
    ("nobody approved the merge", rules(), passed("G5"), pending("approval", "0 of 1"), "approval"),
]


@pytest.mark.parametrize(
    ("what", "rule_set", "g5", "authority", "rule"), REFUSED_MERGES, ids=[c[0] for c in REFUSED_MERGES]
)
def test_merges_are_refused_and_say_by_which_rule(what, rule_set, g5, authority, rule):
    decision = decide_merge("merge x", rule_set, heads(), g5, authority=authority, approvals=())
    assert not decision.verdict.allows
    assert decision.rules == tuple(rule.split())


def test_a_notice_with_a_secret_or_over_the_ceiling_is_refused():
    fine = decide_notice("comment x", rules(), posted_today=0, ceiling=5)
    assert fine.verdict.allows
    assert decide_notice("comment x", rules(), posted_today=5, ceiling=5).rules == ("rate",)


def test_no_write_posts_a_secret():
    leaky = replace(rules(), secrets=("github-token",))
    assert content(leaky).rules == ("P-001",)
    assert decide_notice("comment x", leaky, posted_today=0, ceiling=5).rules == ("P-001",)


def test_nothing_is_withdrawn_without_an_order():
    assert decide_withdrawal("withdraw x", rules(), heads(), over=False).rules == ("over",)


WANTED = CloseIssue(repo=REPO, number=7)


def decision(subject=None, verdict=None):
    fine = passed("x")
    return TapDecision(
        subject=subject or subject_of(WANTED),
        policy=verdict or fine,
        authority=fine,
        truth=fine,
        policy_digest=DIGEST,
    )


GATE = [
    ("decided, recorded, wanted", decision(), True, False, None),
    ("not recorded", decision(), False, False, "P-008"),
    ("stopped", decision(), True, True, "stop"),
    ("a decision about something else", decision(subject="close forge/R_1 8"), True, False, "subject"),
    ("denied", decision(verdict=blocked("G-12", "stop")), True, False, "G-12"),
    ("unknown", decision(verdict=unknown("G-12", "unreadable")), True, False, "G-12"),
]


@pytest.mark.parametrize(("what", "made", "recorded", "stopped", "rule"), GATE, ids=[g[0] for g in GATE])
def test_the_gate(what, made, recorded, stopped, rule):
    answer = authorize(WANTED, decision=made, recorded=recorded, key="k", stopped=stopped)
    if rule is None:
        assert isinstance(answer, AuthorizedWrite)
    else:
        assert isinstance(answer, Refusal)
        assert rule in {leaf.rule for leaf in failures(answer.verdict)}


def test_nobody_else_can_mint_an_authorized_write():
    with pytest.raises(AssertionError, match=r"only penstock\.core\.write\.authorize"):
        AuthorizedWrite(wanted=WANTED, decision=DIGEST, approvals=(), key="k", mint=object())


def test_authorized_writes_are_constructed_in_one_place_only():
    source = Path(__file__).parents[2] / "src"
    sites = [
        f"{path.relative_to(source)}:{node.lineno}"
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
        if (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) == "AuthorizedWrite"
    ]
    assert [site.split(":")[0] for site in sites] == ["penstock/core/write.py"]
