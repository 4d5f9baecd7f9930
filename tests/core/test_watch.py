"""What a merge broke, and what it did not."""

import pytest
from tests.core.test_totality import STATES, after
from tests.scripted import ADA, REPOS, Names, ref, sha, success

from penstock.core.autonomy.earning import WATCH
from penstock.core.change import events as e
from penstock.core.change.effects import Effect, Watch
from penstock.core.change.model import Change, State, Watched
from penstock.core.change.next import next_effects
from penstock.core.evidence import CheckFact, CheckStatus
from penstock.core.refs import RepoRef
from penstock.core.verdict import Outcome
from penstock.core.watch import judge_merged

RUNNING = "running"
OPEN = False
CASES = [
    ("green before and after", {"test": "success"}, {"test": "success"}, True, Outcome.PASS),
    ("it breaks a check", {"test": "failure"}, {"test": "success"}, True, Outcome.BLOCK),
    ("it breaks one that is new", {"deploy": "timed_out"}, {}, True, Outcome.BLOCK),
    ("broken at once, while others may begin", {"test": "failure"}, {}, OPEN, Outcome.BLOCK),
    ("broken before", {"test": "failure"}, {"test": "failure"}, True, Outcome.WARN),
    ("one broken before, one now", {"a": "failure", "b": "error"}, {"a": "failure"}, True, Outcome.BLOCK),
    ("still running", {"test": RUNNING}, {"test": "success"}, True, Outcome.PENDING),
    ("others may begin", {"test": "success"}, {}, OPEN, Outcome.PENDING),
    ("cancelled proves nothing", {"test": "cancelled"}, {"test": "success"}, True, Outcome.PASS),
    ("nothing yet", {}, {"test": "success"}, OPEN, Outcome.PENDING),
    ("nothing at all", {}, {"test": "success"}, True, Outcome.WARN),
]


@pytest.mark.parametrize(("what", "after", "before", "settled", "outcome"), CASES, ids=[c[0] for c in CASES])
def test_what_a_merge_broke(what, after, before, settled, outcome):
    assert judge_merged(_checks(after), _checks(before), settled=settled).outcome is outcome


def test_another_apps_check_of_the_same_name_is_no_excuse():
    after, before = _checks({"test": "failure"}, app=1), _checks({"test": "failure"}, app=2)
    assert judge_merged(after, before, settled=True).outcome is Outcome.BLOCK


def test_what_others_took_back_failed_and_is_rolled_back_once_all_of_it_is_gone():
    """Nothing of it is written for that, unless a person orders it; what is still there is watched on."""
    first, *others = (gone(repo) for repo in REPOS)
    part = after(SEEN, first)
    assert (part.state, part.reason) == (State.DONE, "undone")
    assert {watch.repo for watch in watches(part)} == {repo.node_id for repo in REPOS[1:]}
    assert all(watch.until == part.since + WATCH for watch in watches(part))
    assert after(SEEN, *others).state is State.DONE
    assert after(SEEN, *others, first).state is State.ROLLED_BACK
    ordered = after(SEEN, first, e.Cancelled(by=ADA, rollback=True, words=ref("all of it")))
    assert ordered.state is State.ROLLING_BACK
    assert REPOS[0].node_id not in {effect.repo for effect in wants(ordered)}


def test_a_watch_that_was_given_up_proves_nothing():
    lost = e.NeedsHuman(reason="gone", repo=REPOS[0].node_id, detail=ref("gone"))
    change = after(SEEN, lost, e.MergeStood(repo=REPOS[1].node_id))
    assert [lane.watched for lane in change.lanes] == [Watched.GIVEN_UP, Watched.STOOD, Watched.STAYS]
    assert {watch.repo for watch in watches(change)} == {REPOS[2].node_id}


def gone(repo: RepoRef) -> e.PostMergeFailed:
    return e.PostMergeFailed(repo=repo.node_id, detail=ref("gone"), undone_by=sha("revert", repo.name))


def wants(change: Change) -> tuple[Effect, ...]:
    effects = next_effects(change)
    return effects if isinstance(effects, tuple) else ()


def watches(change: Change) -> list[Watch]:
    return [effect for effect in wants(change) if isinstance(effect, Watch)]


def watched_checks() -> Change:
    """Merged everywhere, with nothing left to do but to watch whether it stays."""
    change = STATES[State.DONE]
    while not any(watch.until for watch in watches(change)):
        news = success(wants(change)[0], change, Names())
        assert news
        change = after(change, news)
    for watch in watches(change):
        if watch.until is None:
            change = after(change, e.WatchEnded(repo=watch.repo, verdict=ref("green")))
    return change


SEEN = watched_checks()


def _checks(conclusions: dict[str, str], app: int | None = None) -> list[CheckFact]:
    return [
        CheckFact(
            name=name,
            app_id=app,
            status=CheckStatus.RUNNING if conclusion == RUNNING else CheckStatus.COMPLETED,
            conclusion="" if conclusion == RUNNING else conclusion,
            url="https://forge/1",
        )
        for name, conclusion in conclusions.items()
    ]
