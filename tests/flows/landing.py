"""Changes that landed, as their logs tell: appended to a real store in the order in which the state machine wants them, with
outcomes as a loop records them when all goes well. A person approves; nobody knows a forge."""

from collections.abc import Iterator
from dataclasses import replace

from tests.scripted import approval, created, planned, success

from penstock.adapters.store import appending
from penstock.adapters.store.appending import Onto
from penstock.adapters.store.store import Store
from penstock.core.approval import ApprovalScope
from penstock.core.change import events as e
from penstock.core.change.effects import Effect, Plan, Watch
from penstock.core.change.journal import Draft, Rest, due_at
from penstock.core.change.model import Change, PlannedRepo, Role
from penstock.core.change.next import next_effects
from penstock.core.change.proposing import open_digests
from penstock.core.refs import ChangeId, NodeId, RepoRef
from penstock.flows.driving import Perform
from penstock.ports import Clock, StopFlag, Texts


def land(store: Store, clock: Clock, where: RepoRef, *, recipe: str = "scripted") -> ChangeId:
    """A change of one repository that is merged, and whose checks were seen after the merge; one transaction for all of it."""
    name = ChangeId(f"c-{where.name:0>10}")
    onto = Onto(change=name, known=None, now=clock.now(), seal=store.seal)
    texts = store.texts()
    begun = replace(created(texts, signal=f"request:{where.name}"), issue=None, recipe=recipe)
    step = onto.step(Draft(key="created", event=begun, blobs=texts.blobs), _rest)
    with store.database.writing() as connection:
        appending.begin(connection, step, begun.signal)
        while draft := _next(store, step.change, where):
            step = replace(onto, known=step.after).step(draft, _rest)
            assert not step.refused, draft
            assert appending.write(connection, step, None)
    return name


def _rest(change: Change) -> Rest:
    return Rest(hold=False, ready_at=due_at(change))


def _next(store: Store, change: Change, where: RepoRef) -> Draft | None:
    for given in _approvals(change):
        return Draft(key=given.approval.id, event=given)
    wanted, texts = next_effects(change), store.texts()
    assert isinstance(wanted, tuple), f"{change.id} waits: {wanted}"
    effect = wanted[0]
    if isinstance(effect, Watch) and effect.until:
        return None
    return Draft(key=effect.key, event=_outcome(effect, change, texts, where), blobs=texts.blobs)


def _approvals(change: Change) -> Iterator[e.ApprovalRecorded]:
    for scope in ApprovalScope:
        for of in sorted(open_digests(change, scope)):
            given = approval(of, scope, at=change.updated_at)
            if not change.approved(given.approval.digest, scope, change.updated_at):
                yield given


def _outcome(effect: Effect, change: Change, texts: Texts, where: RepoRef) -> e.Event:
    if isinstance(effect, Plan):
        only = PlannedRepo(repo=where, role=Role.PRIMARY, base_ref="main", wave=0)
        return replace(planned(texts), repos=(only,))
    event = success(effect, change, texts)
    assert event is not None, effect
    return replace(event, recipe=change.recipe) if isinstance(event, e.TriageDecided) else event


def repository(number: int, *, owner: str = "acme") -> RepoRef:
    name = f"landed{number:04}"
    return RepoRef(forge="forge.test", node_id=NodeId(f"R_{owner}_{name}"), owner=owner, name=name)


def standing(clock: Clock) -> Perform:
    """What the rest of a watch comes to where nobody takes anything back."""

    def perform(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> e.Event | None:
        assert isinstance(effect, Watch)
        assert effect.until, effect
        return e.MergeStood(repo=effect.repo) if clock.now() >= effect.until else None

    return perform
