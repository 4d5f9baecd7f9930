"""Pull requests: open, merge, withdraw."""

from penstock.adapters.github import wire
from penstock.adapters.github.content import Author
from penstock.adapters.github.facts import same_login
from penstock.adapters.github.failures import Refused, by_protection
from penstock.adapters.github.needs import MERGE, WRITE_CONTENTS, WRITE_ISSUES, WRITE_PULLS
from penstock.adapters.github.pen import Outcome, Pen
from penstock.adapters.github.writing import Mutation
from penstock.core.refs import Sha
from penstock.core.write import Merge, NotWritten, OpenPull, Withdraw, Written
from penstock.ports import Transient


def open_pull(pen: Pen, wanted: OpenPull) -> Outcome:
    """The branch's one pull request, with its labels."""

    def look() -> Outcome | None:
        return _standing(pen, wanted)

    def write() -> Outcome:
        body: wire.Body = {
            "title": wanted.title,
            "body": wanted.body,
            "head": wanted.branch,
            "base": wanted.base_ref,
            "draft": wanted.draft,
        }
        mutation = Mutation(method="POST", path=pen.path("pulls"), need=WRITE_PULLS, body=body, creates=True)
        return Written(number=pen.send(mutation, wire.Numbered).number)

    opened = pen.once(look, write)
    if isinstance(opened, Written) and opened.number is not None:
        _label(pen, opened.number, wanted.labels)
    return opened


def _standing(pen: Pen, wanted: OpenPull) -> Outcome | None:
    """Our pull request of the branch, or what stands in its way, or None."""
    head = pen.look.branch_head(pen.repo, wanted.branch)
    ours = next(pen.pulls(wanted.branch), None)
    if ours is not None and ours.state == "closed":
        if ours.merged_at:
            return Written(number=ours.number)
        return NotWritten(code="closed", detail=f"pull request #{ours.number} of {wanted.branch} was closed")
    if head != wanted.expected_head:
        at = f"at {head}" if head else "gone"
        return NotWritten(
            code="head_moved", detail=f"branch {wanted.branch} is {at}, not at {wanted.expected_head}"
        )
    return Written(number=ours.number) if ours else None


def _label(pen: Pen, number: int, labels: tuple[str, ...]) -> None:
    there = {label.casefold() for label in pen.look.labels(pen.repo, number)} if labels else set()
    missing = [label for label in labels if label.casefold() not in there]
    if missing:
        path = pen.path("issues", number, "labels")
        mutation = Mutation(method="POST", path=path, need=WRITE_ISSUES, body={"labels": missing})
        pen.send(mutation, wire.Anything)


def merge(pen: Pen, wanted: Merge) -> Outcome:
    """Exactly the expected head into the expected base."""

    def write() -> Outcome:
        body = {
            "sha": wanted.expected_head,
            "merge_method": wanted.method,
            "commit_title": wanted.title,
            "commit_message": wanted.message,
        }
        path = pen.path("pulls", wanted.number, "merge")
        mutation = Mutation(method="PUT", path=path, need=MERGE, body=body, creates=True)
        return Written(sha=pen.send(mutation, wire.ObjectName).sha, number=wanted.number)

    try:
        return pen.once(lambda: _merge_state(pen, wanted), write)
    except Refused as refusal:
        return _merge_refused(pen, wanted, refusal)


def _merge_state(pen: Pen, wanted: Merge) -> Outcome | None:
    """Merged as wanted, or no longer what was judged, or (None) ready to be tried."""
    pull = pen.look.pull_object(pen.repo, wanted.number)
    if pull is None:
        return NotWritten(code="gone", detail=f"pull request #{wanted.number} is gone")
    if pull.head.sha != wanted.expected_head:
        return NotWritten(
            code="head_moved",
            detail=f"pull request #{wanted.number} is at {pull.head.sha}, not at {wanted.expected_head}",
        )
    if pull.merged:
        return Written(sha=pull.merge_commit_sha, number=wanted.number)
    if pull.state == "closed":
        return NotWritten(code="closed", detail=f"pull request #{wanted.number} was closed")
    if pull.base.ref != wanted.base_ref:
        return NotWritten(
            code="retargeted",
            detail=f"pull request #{wanted.number} now goes to {pull.base.ref}, not to {wanted.base_ref}",
        )
    return None


def _merge_refused(pen: Pen, wanted: Merge, refusal: Refused) -> NotWritten:
    """What GitHub's 405 and 409 of a merge mean; other refusals are raised again."""
    said = refusal.said.lower()
    if refusal.status not in {405, 409}:
        raise refusal
    if "head branch was modified" in said:
        return NotWritten(code="head_moved", detail=refusal.said)
    if "base branch was modified" in said:
        return NotWritten(code="base_moved", detail=refusal.said)
    if "head branch is out of date" in said:
        raise Transient("out_of_date", f"the forge has not seen yet where the branch of #{wanted.number} is")
    pull = pen.look.pull_object(pen.repo, wanted.number)
    if pull is not None and pull.mergeable is None:
        raise Transient(
            "not_computed", f"the forge still works out whether #{wanted.number} can be merged", 5.0
        )
    if pull is not None and pull.mergeable_state == "behind":
        return NotWritten(code="behind", detail=refusal.said)
    return NotWritten(code="protected" if by_protection(refusal) else "not_mergeable", detail=refusal.said)


def withdraw(pen: Pen, wanted: Withdraw, author: Author) -> Outcome:
    """Close what is open and ours; take away the branch only while it is where we left it."""
    number = wanted.number or next((p.number for p in pen.pulls(wanted.branch)), None)
    pull = pen.look.pull(pen.repo, number) if number else None
    if pull and pull.open and pull.head_branch == wanted.branch and same_login(pull.author, pen.login()):
        path = pen.path("pulls", pull.number)
        mutation = Mutation(method="PATCH", path=path, need=WRITE_PULLS, body={"state": "closed"})
        pen.send(mutation, wire.Anything)
    return pen.once(lambda: _left(pen, wanted, author, number), lambda: _delete_branch(pen, wanted, number))


def _left(pen: Pen, wanted: Withdraw, author: Author, number: int | None) -> Outcome | None:
    """Nothing of ours is left: the branch is gone, or somebody moved it and it is theirs."""
    head: Sha | None = pen.look.branch_head(pen.repo, wanted.branch)
    if head is None:
        return Written(number=number)
    ours = head == wanted.head if wanted.head else _is_by(pen.look.commit_object(pen.repo, head), author)
    return None if ours else Written(number=number)


def _is_by(commit: wire.Commit | None, author: Author) -> bool:
    """Where the record of our own write was lost: the bot wrote the commit."""
    return commit is not None and all(
        (by.name, by.email) == (author.name, author.email) for by in (commit.author, commit.committer)
    )


def _delete_branch(pen: Pen, wanted: Withdraw, number: int | None) -> Outcome:
    pen.send(Mutation(method="DELETE", path=pen.branch(wanted.branch), need=WRITE_CONTENTS), wire.Anything)
    return Written(number=number)
