"""Following changes while a worker drives them: every new record becomes a line."""

import time
from collections.abc import Callable, Iterable

from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.core.change import events as e
from penstock.core.change.model import Change
from penstock.core.refs import ChangeId, NodeId

LOOK_SECONDS = 0.05


class Follower:
    """Prints what happens to some changes, each record once."""

    def __init__(self, home: Installation, changes: Iterable[ChangeId], *, quiet: bool = False) -> None:
        self._home = home
        self._seen: dict[ChangeId, int] = dict.fromkeys(changes, 0)
        self._quiet = quiet

    def until(
        self, reached: Callable[[tuple[Change, ...]], bool], *, skip: bool = False
    ) -> tuple[Change, ...]:
        """Print until all changes are where they should be; `skip`: what is there already is not told again."""
        while True:
            found = tuple(change for name in self._seen if (change := self._told(name, silent=skip)))
            skip = False
            if len(found) == len(self._seen) and reached(found):
                return found
            time.sleep(LOOK_SECONDS)

    def skip_all(self) -> None:
        """Follow every change there is, from here on."""
        self._seen = dict(self._home.overview.lengths())

    def catch_up(self) -> None:
        """Print what is new of any change, also of one that did not exist before."""
        for name, n in self._home.overview.lengths().items():
            if self._seen.setdefault(name, 0) < n:
                self._told(name, silent=False)

    def _told(self, name: ChangeId, *, silent: bool) -> Change | None:
        change = self._home.store.change(name)
        if not isinstance(change, Change) or change.n == self._seen[name]:
            return change if isinstance(change, Change) else None
        for entry in self._home.store.reader.entries(name):
            if self._seen[name] < entry.n <= change.n and not (silent or self._quiet):
                line = told(entry.event, change, self._home.known_web_address)
                if line and not (isinstance(entry.event, e.TapDecided) and entry.event.allowed):
                    output.out.print(
                        Text.assemble(
                            (f"{entry.at.astimezone():%H:%M:%S} ", "dim"), (f"{name[:6]} ", "dim"), line
                        )
                    )
        self._seen[name] = change.n
        return change


def told(event: e.Event, change: Change, web: str) -> Text | None:
    """One record as a line for a person; None for what is only of interest in the ledger."""
    return _early(event, change) or _shipping(event, change, web) or _late(event, change)


def _name(change: Change, repo: NodeId | None) -> str:
    lane = change.lane(repo) if repo else None
    return lane.repo.name if lane else ""


def _early(event: e.Event, change: Change) -> Text | None:
    match event:
        case e.Created(issue=issue) if issue:
            return Text(f"signal    {issue.repo.full_name}#{issue.number} starts change {change.id}")
        case e.Created():
            return Text(f"signal    {event.requester} asks for recipe {event.recipe}: change {change.id}")
        case e.TriageDecided():
            return Text(f"triage    {event.decision} with recipe {event.recipe or 'none'} (G0)")
        case e.ArtifactsReady():
            waves: dict[int, list[str]] = {}
            for planned in event.repos:
                waves.setdefault(planned.wave, []).append(planned.repo.name)
            order = " → ".join(", ".join(names) for names in waves.values())
            return Text(f"plan      {order}; {len(event.artifacts)} documents written (G1 {event.outcome})")
        case e.PatchSetsProposed(patch_set=None):
            return Text(f"propose   {_name(change, event.repo)}: nothing to change")
        case e.PatchSetsProposed(patch_set=patch_set) if patch_set:
            size = f"{patch_set.files} files, +{patch_set.additions} −{patch_set.deletions}"
            return Text(
                f"propose   {_name(change, event.repo)}: {size}; run {event.run.repeats} times, same tree ({event.run.backend})"
            )
        case e.GatesEvaluated():
            return Text(f"gates     G2 and G3: {event.outcome}; risk {event.tier} ({event.score} points)")
        case e.ApprovalRecorded(approval=approval):
            own = ", who asked for it" if approval.self_approved else ""
            return Text(
                f"approved  {approval.scope} {output.short(approval.digest)} by {approval.by.login}{own}",
                style="magenta",
            )
        case _:
            return None


def _shipping(event: e.Event, change: Change, web: str) -> Text | None:
    match event:
        case e.PatchesApplied():
            return Text(
                f"branch    {_name(change, event.repo)} at {event.head[:10]}, with the approved tree {event.tree[:10]}"
            )
        case e.PullOpened():
            lane = change.lane(event.repo)
            name = lane.repo.full_name if lane else ""
            return Text(f"pull      {web}/{name}/pull/{event.number}")
        case e.CiObserved():
            return Text(f"checks    {_name(change, event.repo)}: running on {event.head[:10]}")
        case e.CiPassed():
            names = ", ".join(f"{c.name} {c.conclusion}" for c in event.checks)
            used = "".join(f", with {s.repo.split('/')[-1]}@{s.commit[:10]}" for s in event.siblings)
            return Text(f"checks    {_name(change, event.repo)}: {names}{used} (G5)", style="green")
        case e.CiFailed():
            return Text(f"checks    {_name(change, event.repo)}: failed", style="red")
        case e.RollbackPointPlaced():
            return Text(f"tag       {_name(change, event.repo)}: rollback point at {event.commit[:10]}")
        case e.Merged():
            faithful = (
                "read back: the tree that was computed"
                if event.faithful
                else "NOT the tree that was computed"
            )
            return Text(
                f"merged    {_name(change, event.repo)} as {event.commit[:10]}; {faithful}", style="green"
            )
        case e.MergeRefused() | e.ApplyRefused() | e.RollbackFailed():
            return Text(f"refused   {_name(change, event.repo)}: {event.reason}", style="yellow")
        case _:
            return None


def _late(event: e.Event, change: Change) -> Text | None:
    match event:
        case e.TapDecided():
            about = _name(change, event.repo) or "the issue"
            said = "allowed" if event.allowed else f"denied by {', '.join(event.rules)}"
            return Text(
                f"decided   {event.action} on {about}: {said} (policy {event.policy}, authority {event.authority}, truth {event.truth})"
            )
        case e.NoticePosted(given_up=""):
            what = {"comment": "comment posted", "close_issue": "issue closed"}.get(
                event.action, str(event.action)
            )
            return Text(f"notice    {what}")
        case e.NeedsHuman() | e.PolicyBlocked():
            return Text(f"stopped   {event.reason}", style="magenta")
        case e.EffectFailed():
            return Text(
                f"trouble   {event.reason}; tried again at {event.due_at.astimezone():%H:%M:%S}",
                style="yellow",
            )
        case e.Cancelled():
            return Text(
                f"cancelled by {event.by.login}{', with rollback' if event.rollback else ''}", style="yellow"
            )
        case e.Withdrawn():
            return Text(f"withdrawn {_name(change, event.repo)}: pull request and branch closed")
        case _:
            return None
