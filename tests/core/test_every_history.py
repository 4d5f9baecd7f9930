"""Of all histories of a change up to a bound, none writes without authority, none loses what it wrote, and all can end."""

from collections.abc import Callable

import pytest
from tests.core import gated
from tests.core.exploring import Bounds, BrokenError, explore

from penstock.core import tap
from penstock.core.change import events as e
from penstock.core.change import next as next_module
from penstock.core.change import sidings, table
from penstock.core.change.model import Change, State
from penstock.core.verdict import all_of, passed


def test_every_history_with_one_disturbance_holds() -> None:
    """Of one repository, to closure."""
    found = explore(Bounds(repositories=1, disturbances=1))
    assert found.reached == set(State)
    assert found.states > 900
    assert found.minted > 400


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("repositories", "disturbances", "quorum"), [(1, 2, 1), (2, 1, 1), (1, 1, 2)], ids=str
)
def test_every_history_with_more_disturbances_holds(
    repositories: int, disturbances: int, quorum: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = explore(Bounds(repositories=repositories, disturbances=disturbances, quorum=quorum))
    with capsys.disabled():
        print(f"{found.states:,} states, {found.transitions:,} transitions")
    assert found.reached == set(State)


def _anything_is_approved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Change, "approved", lambda *_: True)
    patch.setattr(tap, "judge_approvals", lambda *_, **__: passed("approval"))


def _kill_switch_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tap, "_policy", lambda _: all_of("policy", (passed("anything"),)))


def _what_lands_late_is_dropped(patch: pytest.MonkeyPatch) -> None:
    _, handler = table.TABLE[e.PatchesApplied]
    patch.setitem(table.TABLE, e.PatchesApplied, (frozenset({State.APPLYING_PATCHES}), handler))


def _merges_are_refused(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(table.TABLE, e.Merged, (frozenset(State), lambda *_: None))


def _a_resumed_change_stays_where_it_stood(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sidings, "_onward", lambda change, _: change)


def _nothing_is_withdrawn(patch: pytest.MonkeyPatch) -> None:
    for module in (table, next_module):
        patch.setattr(module, "to_withdraw", lambda _: ())


MUTANTS: tuple[tuple[Callable[[pytest.MonkeyPatch], None], str], ...] = (
    (_anything_is_approved, "without an approval"),
    (_kill_switch_is_not_asked, "although the kill switch is set"),
    (_what_lands_late_is_dropped, "was dropped"),
    (_merges_are_refused, "was dropped"),
    (_a_resumed_change_stays_where_it_stood, "wants nothing"),
    (_nothing_is_withdrawn, "stays behind"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("breaks", "said"), MUTANTS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_broken_guard_is_found(
    breaks: Callable[[pytest.MonkeyPatch], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The explorer itself can fail."""
    breaks(monkeypatch)
    gated.forget()
    try:
        with pytest.raises(BrokenError, match=said):
            explore(Bounds(repositories=1, disturbances=1))
    finally:
        gated.forget()
