"""The WriteGate as a type: an `AuthorizedWrite` is minted here and nowhere else.

`authorize` takes what is wanted (`Wanted`) and what was just judged and recorded, and answers with an
`AuthorizedWrite` or a `Refusal`. A writer accepts nothing else.
"""

from dataclasses import dataclass
from datetime import datetime

from penstock.core.evidence import FileMode
from penstock.core.policy.rules import MergeMethod
from penstock.core.refs import Digest, RepoRef, Sha
from penstock.core.tap import TapDecision
from penstock.core.verdict import Verdict, all_of, check


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEdit:
    """One path of a tree: its new mode and blob, or None for a deletion. The blob's bytes are in the local mirror."""

    path: str
    mode: FileMode
    sha: Sha | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Put one commit with the approved tree on the change's branch; `expected_head` None: the branch is new.

    `base_tree` is the tree of the last of `parents`, to which `edits` apply; the tree the forge returns must be `tree`
    before a commit is made. `at` dates the commit, so that repeating it gives the same commit.
    """

    repo: RepoRef
    branch: str
    expected_head: Sha | None
    parents: tuple[Sha, ...]
    base_tree: Sha
    tree: Sha
    edits: tuple[TreeEdit, ...]
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert(Content):
    """Content that restores the base on every path that an approved patch set touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPull:
    """Open the pull request of approved content; at most one per branch."""

    repo: RepoRef
    branch: str
    base_ref: str
    expected_head: Sha
    title: str
    body: str
    labels: tuple[str, ...]
    draft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTag:
    """Mark the base branch's commit right before a merge (G-15)."""

    repo: RepoRef
    tag: str
    commit: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Merge exactly `expected_head`."""

    repo: RepoRef
    number: int
    base_ref: str
    expected_head: Sha
    method: MergeMethod
    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A templated comment; the writer hides `marker` in it, which makes it findable, so that it is posted once."""

    repo: RepoRef
    number: int
    body: str
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """Run the workflow runs of one head again, unless one has started at or after `since`."""

    repo: RepoRef
    head: Sha
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseIssue:
    repo: RepoRef
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Close the pull request, if one is open, and delete the change's branch while it is still at our head.

    `head` None: what was written there is not on record, so the branch is ours if the bot wrote its head."""

    repo: RepoRef
    branch: str
    head: Sha | None
    number: int | None


Wanted = Content | Revert | OpenPull | PlaceTag | Merge | Rerun | Comment | CloseIssue | Withdraw

_MINT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedWrite:
    """A write that passed the gate, with the decision that let it through and its idempotency key."""

    wanted: Wanted
    decision: Digest
    approvals: tuple[str, ...]
    key: str
    mint: object

    def __post_init__(self) -> None:
        assert self.mint is _MINT, "only penstock.core.write.authorize mints an AuthorizedWrite"  # noqa: S101


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write left at the forge: an object id or number, as the kind of write has one."""

    sha: Sha | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWritten:
    """The forge or its state refused: a domain outcome. `code`: `base_moved`, `retargeted`, `head_moved`, `branch_taken`,
    `tag_taken`, `not_mergeable`, `behind`, `protected`, `archived`, `renamed`, `gone`, `tree_differs`, `closed`, `forbidden`."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nothing is written."""

    verdict: Verdict


def authorize(
    wanted: Wanted, *, decision: TapDecision, recorded: bool, key: str, stopped: bool
) -> AuthorizedWrite | Refusal:
    """Mint the write if its decision allows, was recorded for this very write, and nobody said stop meanwhile.

    `decision` is taken anew from facts re-read just before; `recorded` says that the log holds an allowing
    decision for the same write, so that nothing is acted on before it is on record (P-008).
    """
    verdict = all_of(
        "write",
        (
            decision.verdict,
            check(
                "subject", "the decision is about this write", holds=decision.subject == subject_of(wanted)
            ),
            check("P-006", "an approval or policy lets it through", holds=decision.authority.allows),
            check("P-008", "the decision is on record before the write (a merge: G-07)", holds=recorded),
            check("stop", "the change still wants this and its worker still holds it", holds=not stopped),
        ),
    )
    if not verdict.allows:
        return Refusal(verdict=verdict)
    return AuthorizedWrite(
        wanted=wanted, decision=decision.digest, approvals=decision.approvals, key=key, mint=_MINT
    )


OWN_BRANCHES = "penstock/"
ATTRIBUTION = {Content: "\nPenstock-Change: ", Merge: "Penstock-Change: ", OpenPull: "\nOpened by Penstock."}
"""By what each says who made it: a trailer of its commit, a line of its body."""


def judge_form(wanted: Wanted) -> tuple[Verdict, ...]:
    """What no write may be, whoever approved it: P-002, P-003 and P-004. What brings no content has nothing to ask."""
    match wanted:
        case Content(branch=branch, expected_head=head, parents=parents):
            return (
                _through_a_pull(branch),
                _forward(head, parents),
                _attributed(wanted, ATTRIBUTION[Content]),
            )
        case OpenPull(branch=branch):
            return (_through_a_pull(branch), _attributed(wanted, ATTRIBUTION[OpenPull]))
        case Merge():
            return (_attributed(wanted, ATTRIBUTION[Merge]),)
        case _:
            return ()


def _through_a_pull(branch: str) -> Verdict:
    return check(
        "P-002",
        f"content goes to a branch of the change, not to {branch} itself (G-01)",
        holds=branch.startswith(OWN_BRANCHES),
    )


def _forward(head: Sha | None, parents: tuple[Sha, ...]) -> Verdict:
    return check("P-004", "the branch only moves forward (G-02)", holds=head is None or head in parents)


def _attributed(wanted: Wanted, mark: str) -> Verdict:
    return check("P-003", "its text says that Penstock made it", holds=mark in text_of(wanted))


def subject_of(wanted: Wanted) -> str:
    """What a decision must name to be about this write: class, repository, and the exact object."""
    repo = f"{wanted.repo.forge}/{wanted.repo.node_id}"
    match wanted:
        case Revert():
            return f"revert {repo} {wanted.branch} {wanted.tree}"
        case Content():
            return f"content {repo} {wanted.branch} {wanted.tree}"
        case OpenPull():
            return f"pull {repo} {wanted.branch} {wanted.base_ref} {wanted.expected_head}"
        case PlaceTag():
            return f"tag {repo} {wanted.tag} {wanted.commit}"
        case Merge():
            return f"merge {repo} {wanted.number} {wanted.base_ref} {wanted.expected_head} {wanted.method}"
        case Rerun():
            return f"rerun {repo} {wanted.head}"
        case Comment():
            return f"comment {repo} {wanted.number} {wanted.marker}"
        case CloseIssue():
            return f"close {repo} {wanted.number}"
        case Withdraw():
            return f"withdraw {repo} {wanted.branch}"


def text_of(wanted: Wanted) -> str:
    """Everything that people will read of it at the forge: titles, bodies and messages."""
    match wanted:
        case Content():
            return wanted.message
        case OpenPull():
            return f"{wanted.title}\n{wanted.body}"
        case Merge():
            return f"{wanted.title}\n{wanted.message}"
        case Comment():
            return wanted.body
        case PlaceTag() | Rerun() | CloseIssue() | Withdraw():
            return ""
