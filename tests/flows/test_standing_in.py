"""Where policy approved, it is asked again, unless enough people approved beside it."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from tests.core.test_authority import DIGEST, NOW, approval

from penstock.core.approval import ApprovalScope
from penstock.core.policy.layers import Bound
from penstock.core.policy.rules import Policy
from penstock.core.refs import PENSTOCK
from penstock.core.verdict import blocked
from penstock.flows import standing_in as module
from penstock.flows.world import Scene


@pytest.mark.parametrize(
    ("people", "then", "today", "asked"),
    [
        ((), 1, 1, True),
        (("ada",), 1, 1, False),
        (("ada",), 1, 2, True),
        (("ada",), 2, 1, True),
        (("ada", "ADA"), 1, 2, True),
        (("ada", "ben"), 1, 2, False),
    ],
)
def test_one_person_beside_policy_is_no_two(
    monkeypatch: pytest.MonkeyPatch, people: tuple[str, ...], then: int, today: int, asked: bool
) -> None:
    """The quorum is that of the creation and that of today's policy, whichever asks for more."""
    given = replace(approval(), by=PENSTOCK, expires_at=NOW + timedelta(days=1))
    bound = Bound(pinned=Policy(required_reviews=then), current=Policy(required_reviews=today))
    refused = blocked("policy_approval", "not any more")
    monkeypatch.setattr(module, "bound_of", lambda *_: bound)
    monkeypatch.setattr(module, "stand_in", lambda *_: (refused, None))
    scene = SimpleNamespace(
        world=SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW)),
        change=SimpleNamespace(approvals=(given,), terms=SimpleNamespace(quorum=then)),
        lane=None,
        texts=None,
    )
    found = module.standing_in(cast("Scene", scene), ApprovalScope.CONTENT, DIGEST, frozenset(people))
    assert (found is not None) is asked
