"""Comments, closed issues, and workflow runs that start again."""

from penstock.adapters.github import wire
from penstock.adapters.github.needs import RERUN, WRITE_ISSUES
from penstock.adapters.github.pen import Outcome, Pen
from penstock.adapters.github.writing import Mutation
from penstock.core.write import CloseIssue, Comment, NotWritten, Rerun, Written
from penstock.ports import Transient

STILL_RUNNING_WAIT = 60.0


def comment(pen: Pen, wanted: Comment) -> Outcome:
    """The comment with its marker hidden in it; only our own counts as posted.

    The forge takes every comment, so a request that was held up on its way can come second: it is taken back.
    """
    hidden, me = f"<!-- {wanted.marker} -->", pen.login()

    def first() -> int | None:
        return next(pen.look.comments_with(pen.repo, wanted.number, hidden, me), None)

    def look() -> Outcome | None:
        found = first()
        return Written(number=found) if found is not None else None

    def write() -> Outcome:
        body = {"body": f"{wanted.body}\n\n{hidden}"}
        path = pen.path("issues", wanted.number, "comments")
        mutation = Mutation(method="POST", path=path, need=WRITE_ISSUES, body=body, creates=True)
        posted = pen.send(mutation, wire.Identified).id
        earlier = first()
        if earlier is None or earlier == posted:
            return Written(number=posted)
        path = pen.path("issues", "comments", posted)
        pen.take_back(Mutation(method="DELETE", path=path, need=WRITE_ISSUES))
        return Written(number=earlier)

    return pen.once(look, write)


def close_issue(pen: Pen, wanted: CloseIssue) -> Outcome:
    def look() -> Outcome | None:
        issue = pen.look.issue(pen.repo, wanted.number)
        if issue is None:
            return NotWritten(code="gone", detail=f"issue #{wanted.number} is gone")
        return None if issue.open else Written(number=wanted.number)

    def write() -> Outcome:
        body = {"state": "closed", "state_reason": "completed"}
        path = pen.path("issues", wanted.number)
        pen.send(Mutation(method="PATCH", path=path, need=WRITE_ISSUES, body=body), wire.Anything)
        return Written(number=wanted.number)

    return pen.once(look, write)


def rerun(pen: Pen, wanted: Rerun) -> Outcome:
    """Every workflow run of the head that started before `since` starts again.

    A run that is still going cannot be started again: Transient `still_running`, after the others were.
    """
    runs = pen.look.runs(pen.repo, wanted.head)
    if not runs:
        return NotWritten(code="gone", detail=f"no workflow run of {wanted.head} can be started again")
    stale = [run for run in runs if run.run_started_at < wanted.since.replace(microsecond=0)]
    for run in stale:
        if run.status == "completed":
            path = pen.path("actions", "runs", run.id, "rerun")
            pen.send(Mutation(method="POST", path=path, need=RERUN, body={}), wire.Anything)
    going = [run.id for run in stale if run.status != "completed"]
    if going:
        raise Transient(
            "still_running",
            f"workflow runs {', '.join(map(str, going))} of {wanted.head} have to end before they run again",
            STILL_RUNNING_WAIT,
        )
    return Written(sha=wanted.head)
