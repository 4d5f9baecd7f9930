"""ForgeWriter on GitHub: each authorized write to its procedure, and refusals to outcomes."""

from dataclasses import replace
from typing import assert_never

from penstock.adapters.github.content import Author, BlobSource, place_tag, put_content
from penstock.adapters.github.failures import Refused, by_protection
from penstock.adapters.github.notices import close_issue, comment, rerun
from penstock.adapters.github.pen import Outcome, Pen
from penstock.adapters.github.pulls import merge, open_pull, withdraw
from penstock.adapters.github.reader import GitHubReader
from penstock.adapters.github.reading import ReadClient
from penstock.adapters.github.writing import WriteClient
from penstock.core.write import (
    AuthorizedWrite,
    CloseIssue,
    Comment,
    Content,
    Merge,
    NotWritten,
    OpenPull,
    PlaceTag,
    Rerun,
    Wanted,
    Withdraw,
)
from penstock.ports import StopFlag


class GitHubWriter:
    """Holds the credential that can write. `reads` looks with that same credential."""

    def __init__(self, reads: ReadClient, writes: WriteClient, *, author: Author, blob: BlobSource) -> None:
        self._look = GitHubReader(reads)
        self._clock = reads.account.clock
        self._writes = writes
        self._author = author
        self._blob = blob

    def apply(self, write: AuthorizedWrite, stop: StopFlag) -> Outcome:
        """Raises Transient (`stopped`, `rate_limited`, `unreachable`, `server_error`, `not_computed`,
        `still_running`) and Permanent (`unauthorized`, `unexpected_answer`, or GitHub's refusal of the request)."""
        wanted = write.wanted
        try:
            place = self._place(wanted)
            if isinstance(place, NotWritten):
                return place
            pen = Pen(
                repo=replace(wanted.repo, owner=place[0], name=place[1]),
                look=self._look,
                client=self._writes,
                stop=stop,
                clock=self._clock,
            )
            return self._with(pen, wanted)
        except Refused as refusal:
            return _outcome_of(refusal)

    def _with(self, pen: Pen, wanted: Wanted) -> Outcome:
        match wanted:
            case Content():
                return put_content(pen, wanted, self._author, self._blob)
            case OpenPull():
                return open_pull(pen, wanted)
            case PlaceTag():
                return place_tag(pen, wanted)
            case Merge():
                return merge(pen, wanted)
            case Rerun():
                return rerun(pen, wanted)
            case Comment():
                return comment(pen, wanted)
            case CloseIssue():
                return close_issue(pen, wanted)
            case Withdraw():
                return withdraw(pen, wanted, self._author)
        assert_never(wanted)

    def _place(self, wanted: Wanted) -> tuple[str, str] | NotWritten:
        """Owner and name of the write's repository now, if it is one to write to.

        What was approved for one name is not written under another; what only cleans up or tells follows.
        """
        facts = self._look.repository(wanted.repo)
        if facts is None:
            return NotWritten(
                code="gone", detail=f"{wanted.repo.full_name} is gone, or hidden from this token"
            )
        if facts.archived:
            return NotWritten(code="archived", detail=f"{facts.full_name} is archived")
        renamed = facts.full_name.casefold() != wanted.repo.full_name.casefold()
        if renamed and not isinstance(wanted, Withdraw | Comment | CloseIssue):
            return NotWritten(
                code="renamed", detail=f"{wanted.repo.full_name} is now called {facts.full_name}"
            )
        owner, _, name = facts.full_name.partition("/")
        return owner, name


_OUTCOMES = {
    301: "renamed",
    307: "renamed",
    308: "renamed",
    403: "forbidden",
    404: "gone",
    410: "gone",
}


def _outcome_of(refusal: Refused) -> NotWritten:
    """A refusal that is the forge's state speaking, as an outcome; any other is raised again."""
    said = refusal.said.lower()
    code = _OUTCOMES.get(refusal.status)
    if by_protection(refusal):
        code = "protected"
    elif refusal.status == 403 and "archived" in said:
        code = "archived"
    elif refusal.status == 422 and "already exists" in said:
        code = "branch_taken"
    if code is None:
        raise refusal
    return NotWritten(code=code, detail=str(refusal))
