"""What is started, and when it is looked again: a pure function of the change and the time."""

from dataclasses import replace
from datetime import timedelta
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import pytest
from tests.clock import ManualClock
from tests.contract.github.setting import Going
from tests.scripted import ADA, CHANGE, NOW, REPOS, Names, created, planned, ref

from penstock.core.autonomy.earning import WATCH
from penstock.core.change import events as e
from penstock.core.change.effects import Watch
from penstock.core.change.fold import apply
from penstock.core.change.model import Change
from penstock.flows.perform import perform_safely
from penstock.flows.schedule import LONGEST_LOOK, agenda, fired, look_again
from penstock.ports import Transient

LATER = NOW + timedelta(minutes=5)
LIB, APP, SITE = (repo.node_id for repo in REPOS)


def told(*events: e.Event) -> Change:
    change = None
    for n, event in enumerate(events, start=1):
        change = apply(change, e.Entry(change=CHANGE, n=n, at=NOW, key=str(n), event=event))
    assert change
    return change


BEGIN = created(Names())
GO = e.TriageDecided(decision=e.Triage.GO, recipe="rename", verdict=ref("G0"))
PROPOSING = told(BEGIN, GO, planned(Names()))
FAILED = e.EffectFailed(effect="x", repo=APP, reason="unreachable", due_at=LATER, detail=ref("x"))
DEFERRED = replace(told(BEGIN, replace(GO, decision=e.Triage.DEFER, wake_at=LATER)), issue=None)
CANCELLED = told(BEGIN, e.Cancelled(by=ADA, rollback=False, words=ref("no")))


def test_one_effect_at_a_time_in_each_repository() -> None:
    todo = agenda(PROPOSING, NOW)
    assert [effect.repo for effect in todo.start] == [LIB, APP, SITE]
    busy = agenda(PROPOSING, NOW, busy={LIB, SITE})
    assert [effect.repo for effect in busy.start] == [APP]
    assert busy.wanted == todo.wanted
    assert agenda(PROPOSING, NOW, busy={LIB, APP, SITE}).idle


def test_what_failed_is_due_later_and_holds_nobody_else_up() -> None:
    change = apply(PROPOSING, e.Entry(change=CHANGE, n=4, at=NOW, key="4", event=FAILED))
    todo = agenda(change, NOW)
    assert [effect.repo for effect in todo.start] == [LIB, SITE]
    assert todo.next_at == LATER
    assert APP in [effect.repo for effect in agenda(change, LATER).start]


@pytest.mark.parametrize(
    ("asked", "wait"),
    [(None, 2), (7.0, 7), (0.0, 2), (-1.0, 2), (999999999999.0, 3600), (inf, 3600), (nan, 2)],
)
def test_whatever_wait_the_forge_asks_for_the_failure_is_an_event_that_is_due(asked, wait) -> None:
    def limited(*_: object) -> None:
        raise Transient("rate_limited", "slow down", asked)

    world: Any = SimpleNamespace(reader=SimpleNamespace(repository=limited), clock=ManualClock())
    effect = agenda(PROPOSING, NOW).start[0]
    texts: Any = SimpleNamespace(put=ref)
    event = perform_safely(world, effect, PROPOSING, texts, Going())
    assert isinstance(event, e.EffectFailed)
    assert event.due_at == NOW + timedelta(seconds=wait)


def test_what_had_no_news_sleeps() -> None:
    keys = {effect.repo: effect.key for effect in agenda(PROPOSING, NOW).start}
    asleep = {keys[LIB]: LATER, keys[APP]: LATER + timedelta(hours=1)}
    todo = agenda(PROPOSING, NOW, asleep=asleep)
    assert [effect.repo for effect in todo.start] == [SITE]
    assert todo.next_at == LATER


def test_a_timer_fires_at_its_time_and_its_firing_is_an_event() -> None:
    assert agenda(DEFERRED, NOW).next_at == LATER
    assert agenda(DEFERRED, NOW).idle
    todo = agenda(DEFERRED, LATER)
    assert todo.fires == LATER
    assert not todo.idle
    draft = fired(DEFERRED, LATER)
    assert draft.key == "timer:0:2026-05-01T12:05:00.000000+00:00"
    assert isinstance(draft.event, e.Woken)
    assert draft.event.by.kind == "timer"


def test_an_ended_change_wants_nothing() -> None:
    todo = agenda(CANCELLED, NOW)
    assert (todo.start, todo.fires, todo.next_at, todo.wanted) == ((), None, None, frozenset())


SHORTEST = timedelta(seconds=0.5)
PROPOSE = agenda(PROPOSING, NOW).start[0]


@pytest.mark.parametrize(
    ("quiet", "wait"),
    [
        (timedelta(0), SHORTEST),
        (timedelta(seconds=2), SHORTEST),
        (timedelta(seconds=4), timedelta(seconds=1)),
        (timedelta(minutes=20), timedelta(minutes=5)),
        (timedelta(minutes=40), LONGEST_LOOK),
        (timedelta(days=3), LONGEST_LOOK),
        (timedelta(seconds=-5), SHORTEST),
    ],
)
def test_the_longer_nothing_happens_the_rarer_the_looks(quiet: timedelta, wait: timedelta) -> None:
    assert look_again(PROPOSING, PROPOSE, NOW + quiet, SHORTEST) == NOW + quiet + wait


@pytest.mark.parametrize(
    ("quiet", "wait"),
    [
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(hours=8), timedelta(hours=2)),
        (timedelta(days=5), timedelta(days=1)),
        (timedelta(days=13, hours=12), timedelta(hours=12)),
        (timedelta(days=20), timedelta(days=1)),
    ],
)
def test_whether_a_merge_is_still_there_is_looked_at_rarely_and_at_the_end(quiet, wait) -> None:
    stays = Watch(key="stays", repo=LIB, until=NOW + WATCH)
    assert look_again(PROPOSING, stays, NOW + quiet, SHORTEST) == NOW + quiet + wait
