"""One line for a person of each record of a change."""

from rich.text import Text

from penstock.cli import output
from penstock.core.approval import CarriedOver
from penstock.core.change import events as e
from penstock.core.change.model import Change
from penstock.core.refs import NodeId
from penstock.core.verdict import ALLOWING


def told(event: e.Event, change: Change, web: str) -> Text | None:
    """One record as a line for a person; None for what is only of interest in the ledger."""
    return (
        _early(event, change)
        or _ordered(event)
        or _checks(event, change)
        or _afterwards(event, change)
        or _shipping(event, change, web)
        or _late(event, change)
    )


def _name(change: Change, repo: NodeId | None) -> str:
    lane = change.lane(repo) if repo else None
    return lane.repo.name if lane else ""


def _early(event: e.Event, change: Change) -> Text | None:
    match event:
        case e.Created(issue=issue) if issue:
            return Text(f"signal    {issue.repo.full_name}#{issue.number} starts change {change.id}")
        case e.Created(origin=origin) if origin:
            return Text(f"signal    {origin.name} starts change {change.id}")
        case e.Created():
            return Text(f"signal    {event.requester} asks for recipe {event.recipe}: change {change.id}")
        case e.TriageDecided():
            by = f" by {event.agent}" if event.agent else ""
            return Text(f"triage    {event.decision} with recipe {event.recipe or 'none'}{by} (G0)")
        case e.ArtifactsReady():
            waves: dict[int, list[str]] = {}
            for planned in event.repos:
                waves.setdefault(planned.wave, []).append(planned.repo.name)
            order = " → ".join(", ".join(names) for names in waves.values())
            return Text(f"plan      {order}; {len(event.artifacts)} documents written (G1 {event.outcome})")
        case e.PatchSetsProposed(patch_set=None):
            return Text(f"propose   {_name(change, event.repo)}: nothing to change")
        case e.PatchSetsProposed(patch_set=patch_set) if patch_set:
            files = "1 file" if patch_set.files == 1 else f"{patch_set.files} files"
            size = f"{files}, +{patch_set.additions} −{patch_set.deletions}"
            return Text(
                f"propose   {_name(change, event.repo)}: {size}; run {event.run.repeats} times, same tree ({event.run.backend})"
            )
        case e.GatesEvaluated():
            carried = "".join(map(_carried, event.carried))
            stopped = dict.fromkeys(one.rule for one in event.violations if one.severity not in ALLOWING)
            by = f" by {', '.join(stopped)}" if stopped else ""
            return Text(
                f"gates     G2 and G3: {event.outcome}{by}; risk {event.tier} ({event.score} points){carried}"
            )
        case _:
            return None


def _carried(one: CarriedOver) -> str:
    what = "count for" if one.outcome in ALLOWING else "are void for"
    return f"; approvals of {output.short(one.before)} {what} {output.short(one.now)}"


def _ordered(event: e.Event) -> Text | None:
    """What people decided."""
    match event:
        case e.ApprovalRecorded(approval=approval):
            own = ", who asked for it" if approval.self_approved else ""
            own = f" by {approval.basis}" if approval.by_policy else own
            return Text(
                f"approved  {approval.scope} {output.short(approval.digest)} by {approval.by.login}{own}",
                style="magenta",
            )
        case e.PolicyDeclined():
            why = ", ".join(event.rules)
            return Text(f"for you   {event.scope} {output.short(event.digest)}: not by policy ({why})")
        case e.ApprovalRevoked():
            return Text(f"revoked   approval {event.approval} by {event.by.login}", style="yellow")
        case e.ChangesRequested():
            return Text(f"sent back {output.short(event.digest)} by {event.by.login}", style="yellow")
        case e.PatchSetRejected():
            return Text(f"rejected  {output.short(event.digest)} by {event.by.login}", style="yellow")
        case e.Cancelled():
            return Text(
                f"cancelled by {event.by.login}{', with rollback' if event.rollback else ''}", style="yellow"
            )
        case e.Resumed(named=named) if named:
            return Text(f"resumed   by {event.by.login}, with {', '.join(named)} in scope")
        case e.Resumed() | e.Woken():
            return Text(f"resumed   by {event.by.login}")
        case e.Erased():
            return Text(f"erased    {output.short(event.blob)} by {event.by.login}", style="yellow")
        case _:
            return None


def _checks(event: e.Event, change: Change) -> Text | None:
    match event:
        case e.CiObserved():
            return Text(f"checks    {_name(change, event.repo)}: running on {event.head[:10]}")
        case e.CiPassed():
            names = ", ".join(f"{c.name} {c.conclusion}" for c in event.checks)
            used = "".join(f", with {s.repo.split('/')[-1]}@{s.commit[:10]}" for s in event.siblings)
            carried = _carried(event.carried) if event.carried else ""
            return Text(f"checks    {_name(change, event.repo)}: {names}{used} (G5){carried}", style="green")
        case e.ReviewsObserved():
            return Text(f"reviews   {_name(change, event.repo)}: {_reviewed(event)}", style="magenta")
        case e.CiFailed():
            return Text(f"checks    {_name(change, event.repo)}: failed", style="red")
        case e.CiTimedOut():
            return Text(f"checks    {_name(change, event.repo)}: took too long", style="red")
        case e.ChecksRerun():
            return Text(f"checks    {_name(change, event.repo)}: asked to run again")
        case e.ChecksStale():
            return Text(f"checks    {_name(change, event.repo)}: out of date, what they ran with has moved")
        case _:
            return None


def _afterwards(event: e.Event, change: Change) -> Text | None:
    match event:
        case e.WatchEnded():
            return Text(
                f"checks    {_name(change, event.repo)}: nothing broke after the merge", style="green"
            )
        case e.MergeStood():
            return Text(f"watch     {_name(change, event.repo)}: over, it is still there", style="green")
        case e.PostMergeFailed(undone_by=str(commit)):
            return Text(
                f"watch     {_name(change, event.repo)}: somebody took it back, it is gone at {commit[:10]}",
                style="red",
            )
        case e.PostMergeFailed():
            return Text(f"checks    {_name(change, event.repo)}: failed after the merge", style="red")
        case _:
            return None


def _reviewed(event: e.ReviewsObserved) -> str:
    """What people's reviews at the forge changed."""
    people = ", ".join(approval.by.login for approval in event.approvals)
    said = (
        f"approved by {people} on {event.head[:10]}" if people else "",
        f"{len(event.gone)} no longer stand" if event.gone else "",
        f"{event.lacking} more demanded by the branch" if event.lacking else "",
    )
    return "; ".join(part for part in said if part) or "the branch demands no more of them"


def _moved_base(event: e.Merged, change: Change) -> str:
    lane = change.lane(event.repo)
    preview = lane.leg(event.leg).preview if lane else None
    same = preview is None or event.base in {None, preview.base_commit}
    return "" if same else f", onto {(event.base or '')[:10]}, which came in between"


def _shipping(event: e.Event, change: Change, web: str) -> Text | None:
    match event:
        case e.PatchesApplied():
            return Text(
                f"branch    {_name(change, event.repo)} at {event.head[:10]}, with the approved tree {event.tree[:10]}"
            )
        case e.PatchSetRebased(previous=before, patch_set=now):
            digests = f"{output.short(before)} → {output.short(now.digest)}"
            where = f"{_name(change, event.repo)}, whose base is {now.base_commit[:10]} now"
            return Text(f"rebased   {where}: {digests}, judged anew")
        case e.PullOpened():
            lane = change.lane(event.repo)
            name = lane.repo.full_name if lane else ""
            return Text(f"pull      {web}/{name}/pull/{event.number}")
        case e.RollbackPointPlaced():
            return Text(f"tag       {_name(change, event.repo)}: rollback point at {event.commit[:10]}")
        case e.Merged():
            faithful = (
                "read back: the tree that was computed"
                if event.faithful
                else "NOT the tree that was computed"
            )
            where = f"{_name(change, event.repo)} as {event.commit[:10]}{_moved_base(event, change)}"
            return Text(f"merged    {where}; {faithful}", style="green")
        case e.HeadMoved():
            return Text(
                f"moved     {_name(change, event.repo)}: somebody else wrote to its branch", style="yellow"
            )
        case e.PullClosed():
            return Text(f"closed    {_name(change, event.repo)}: by somebody else", style="yellow")
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
        case e.NoticePosted():
            return Text(f"notice    given up: {event.given_up}", style="yellow")
        case e.NeedsHuman() | e.PolicyBlocked():
            return Text(f"stopped   {event.reason}", style="magenta")
        case e.EffectFailed():
            return Text(
                f"trouble   {event.reason}; tried again at {event.due_at.astimezone():%H:%M:%S}",
                style="yellow",
            )
        case e.Withdrawn():
            lane = change.lane(event.repo)
            merged = lane is not None and lane.leg(event.leg).merged
            what = "merged branch deleted" if merged else "pull request closed, branch deleted"
            return Text(f"withdrawn {_name(change, event.repo)}: {what}")
        case e.Superseded():
            return Text(f"replaced  by change {event.successor}")
        case _:
            return None
