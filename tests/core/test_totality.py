"""Every event in every state is a transition or a recorded refusal: nothing that arrives can break the fold."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripted import ADA, CHANGE, NOW, REPOS, Names, approval, created, ref, success

from penstock.core.approval import ApprovalScope
from penstock.core.change import events as e
from penstock.core.change.fold import apply
from penstock.core.change.model import Change, State
from penstock.core.change.next import Await, next_effects
from penstock.core.change.proposing import open_digests
from penstock.core.refs import Digest
from penstock.core.verdict import Outcome

NAMES = Names()
KINDS = get_args(e.Event)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


def after(change: Change | None, *events: e.Event) -> Change:
    for event in events:
        n = change.n + 1 if change else 1
        change = apply(change, e.Entry(change=CHANGE, n=n, at=NOW, key=str(n), event=event))
    assert change
    return change


def happy_path() -> dict[State, Change]:
    """A change in each state that it passes when all goes well."""
    change = after(None, created(NAMES))
    found = {change.state: change}
    while True:
        wanted = next_effects(change)
        effects = wanted if isinstance(wanted, tuple) else ()
        news = [event for effect in effects if (event := success(effect, change, NAMES))]
        approvals = [approval(of, scope) for scope in ApprovalScope for of in open_digests(change, scope)]
        if not news and not approvals:
            return found
        change = after(change, *(news[:1] or approvals))
        found.setdefault(change.state, change)


def every_state() -> dict[State, Change]:
    path = happy_path()
    begun, waiting, verifying, done = (
        path[state] for state in (State.INGESTED, State.WAITING_USER_APPROVAL, State.VERIFYING_CI, State.DONE)
    )
    triage = e.TriageDecided(decision=e.Triage.DEFER, recipe="", verdict=ref("G0"), wake_at=NOW)
    stop = e.Cancelled(by=ADA, rollback=False, words=ref("stop"))
    (digest, *_) = sorted(open_digests(waiting, ApprovalScope.CONTENT))
    rolling = after(done, replace(stop, rollback=True))
    rolled = rolling
    while rolled.state is State.ROLLING_BACK:
        wanted = next_effects(rolled)
        assert isinstance(wanted, tuple)
        events = [event for effect in wanted if (event := success(effect, rolled, NAMES))]
        rolled = after(rolled, events[0])
    judged = path[State.PATCHES_PROPOSED]
    wants = next_effects(judged)
    assert isinstance(wants, tuple)
    gates = success(wants[0], judged, NAMES)
    assert isinstance(gates, e.GatesEvaluated)
    return path | {
        State.DEFERRED: after(begun, triage),
        State.DECLINED: after(begun, replace(triage, decision=e.Triage.NO_GO)),
        State.CANCELLED: after(begun, stop),
        State.FAILED: after(waiting, e.PatchSetRejected(digest=Digest(digest), by=ADA, words=ref("no"))),
        State.NEEDS_HUMAN: after(verifying, e.NeedsHuman(reason="x", repo=None, detail=ref("x"))),
        State.BLOCKED_POLICY: after(judged, replace(gates, outcome=Outcome.BLOCK)),
        State.ROLLING_BACK: rolling,
        State.ROLLED_BACK: rolled,
    }


STATES = every_state()


def test_every_state_is_reached() -> None:
    assert set(STATES) == set(State)
    for state, change in STATES.items():
        assert change.state is state


@pytest.mark.parametrize("state", list(State))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_event_fits_or_is_refused(state: State, data: st.DataObject) -> None:
    before = STATES[state]
    kind = data.draw(st.sampled_from(KINDS))
    event = data.draw(st.from_type(kind))
    if hasattr(event, "repo"):
        event = replace(event, repo=data.draw(st.sampled_from([repo.node_id for repo in REPOS])))
    change = after(before, event)
    assert change.n == before.n + 1
    assert change.refused in {before.refused, before.refused + 1}
    if change.refused > before.refused:
        assert change.state is before.state
    wanted = next_effects(change)
    assert wanted is None or isinstance(wanted, tuple | Await)
