"""Whose rights are read before a write: of those whose approvals count by now, and of nobody else."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.test_authority import DIGEST, NOW, approval

from penstock.core.approval import ApprovalScope
from penstock.core.change.model import LegName
from penstock.core.policy.rules import Policy
from penstock.core.verdict import passed
from penstock.flows import truth
from penstock.flows.reviews import NOBODY

MERGE = ApprovalScope.MERGE


def scene(*approvals: object) -> Any:
    lane = SimpleNamespace(
        repo=None,
        patch_set=SimpleNamespace(digest=DIGEST),
        leg=lambda _: SimpleNamespace(preview=SimpleNamespace(digest=DIGEST)),
    )
    return SimpleNamespace(
        world=SimpleNamespace(
            clock=SimpleNamespace(now=lambda: NOW + timedelta(days=2)),
            reader=SimpleNamespace(permission=lambda *_: "write"),
        ),
        change=SimpleNamespace(approvals=approvals, terms=SimpleNamespace(quorum=1)),
        lane=lane,
        leg=LegName.FORWARD,
        texts=None,
    )


def people_asked(monkeypatch: pytest.MonkeyPatch, policy: Policy) -> list[frozenset[str]]:
    """What is asked about policy's standing in, and about owners: with these people beside."""
    asked: list[frozenset[str]] = []

    def judge(people: frozenset[str]) -> Any:
        asked.append(people)
        return passed("owners")

    monkeypatch.setattr(truth, "binding_policy", lambda *_: policy)
    monkeypatch.setattr(truth, "ownership", lambda *_: SimpleNamespace(judge=judge))
    monkeypatch.setattr(truth, "standing_in", lambda *given: judge(given[3]))
    return asked


def test_whose_approval_ended_by_todays_policy_is_nobody_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = people_asked(monkeypatch, Policy(approval_days=1, code_owners=True))
    later = replace(approval(login="ben", number=2), at=NOW + timedelta(days=2))
    truth.standing_of(scene(approval(), later))
    assert asked == [frozenset({"ben"}), frozenset({"ben"})]


def test_whose_review_was_dismissed_is_nobody_beside_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = people_asked(monkeypatch, Policy())
    reviewed = replace(approval(scope=MERGE), review="r-1")
    verdict, _ = truth.merge_authority(scene(reviewed, approval(login="ben", scope=MERGE, number=2)), NOBODY)
    assert asked == [frozenset({"ben"})]
    assert verdict.allows
