"""Reviews of a pull request, and comments worded as one: which of them stand on one commit."""

import re
from dataclasses import dataclass

from penstock.core.evidence import ReviewFact, ReviewState
from penstock.core.refs import Sha

_SPOKEN = re.compile(r"/(approve|object) ([0-9a-f]{40})")
_STATES = {"approve": ReviewState.APPROVED, "object": ReviewState.CHANGES_REQUESTED}


def spoken(text: str) -> tuple[ReviewState, Sha] | None:
    """What a comment says that is nothing but `/approve COMMIT` or `/object COMMIT`; None of any other.

    All of its text, so that a quotation, an example or an aside says nothing; the whole commit, so that it means one.
    """
    match = _SPOKEN.fullmatch(text.strip())
    return (_STATES[match[1]], Sha(match[2])) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Whose reviews stand on one head; nobody is in it twice."""

    approving: tuple[ReviewFact, ...]
    objecting: tuple[ReviewFact, ...]


def standing_on(reviews: tuple[ReviewFact, ...], head: Sha) -> Reviewed:
    """Of reviews and comments, each oldest first, people's that were given on exactly this commit, whenever that was.

    The last word of each person counts. A remark takes nothing back that its author said before; a dismissed review does,
    and says nothing itself. Whoever reviewed has said it there: a comment of theirs can only object, since nobody
    knows which was first.
    """
    here = tuple(r for r in reviews if r.person and r.head == head and r.state is not ReviewState.COMMENTED)
    given = {r.author.casefold(): r for r in here if not r.comment}
    said = {r.author.casefold(): r for r in here if r.comment}
    objections = {
        author: r
        for words in (said, given)
        for author, r in words.items()
        if r.state is ReviewState.CHANGES_REQUESTED
    }
    return Reviewed(
        approving=tuple(
            r
            for author, r in (said | given).items()
            if r.state is ReviewState.APPROVED and author not in objections
        ),
        objecting=tuple(objections.values()),
    )


def lacking(reviewed: Reviewed, demanded: int) -> int:
    """How many approving reviews a branch that demands some still lacks; an objection stands in the way of any number.

    To the branch, comments are no reviews.
    """
    if not demanded:
        return 0
    approving = sum(not r.comment for r in reviewed.approving)
    objecting = any(not r.comment for r in reviewed.objecting)
    return max(demanded - approving, 1 if objecting else 0, 0)
