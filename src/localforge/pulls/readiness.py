"""Whether a pull request can be merged, and GitHub's word for why not: facts first, then a pure decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localforge.access import Role, role_on
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.history import is_ancestor
from localforge.guard import passed_checks
from localforge.protection import RequiredReviews, Rules, missing_checks, outdated_checks, rules_of
from localforge.pulls.owners import missing_owners
from localforge.pulls.testmerge import tried
from localforge.rulesets import Bound, bound
from localforge.store import accounts, pulls, repos
from localforge.store.database import Db
from localforge.store.issues import Issue
from localforge.store.pulls import Pull, Review
from localforge.store.repos import Repository
from localforge.store.statuses import unsuccessful

MergeableState = Literal["clean", "dirty", "blocked", "behind", "unstable", "draft", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the decision depends on. `conflicts` None: nothing to merge into. `missing`: unmet requirements."""

    open: bool
    draft: bool
    conflicts: bool | None
    missing: tuple[str, ...]
    behind: bool
    unsuccessful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """GitHub's `mergeable` and `mergeable_state`, and the unmet requirements in its words, by whose they are."""

    mergeable: bool | None
    state: MergeableState
    missing: tuple[str, ...]
    merge_sha: str | None
    unmet: tuple[tuple[Bound, tuple[str, ...]], ...] = ()


def decide(facts: Facts) -> MergeableState:
    """The first of GitHub's words that applies."""
    if not facts.open or facts.conflicts is None:
        return "unknown"
    if facts.conflicts:
        return "dirty"
    if facts.draft:
        return "draft"
    if facts.missing:
        return "blocked"
    if facts.behind:
        return "behind"
    return "unstable" if facts.unsuccessful else "clean"


def readiness(forge: Forge, repo: Repository, issue: Issue, pull: Pull) -> Readiness:
    """Where the pull request stands now; tries the merge when this was not done for these two commits."""
    if issue.state != "open":
        return Readiness(mergeable=None, state="unknown", missing=(), merge_sha=pull.merge_commit_sha)
    test = tried(forge, pull)
    rules = bound(forge, repo, refnames.BRANCH + pull.base_ref)
    old = any(_is_strict(one) for one in rules) and not _up_to_date(forge, pull, test)
    unmet_of = [(one, unmet(forge, repo, issue, pull, one.rules)) for one in rules]
    late = [outdated_checks(one.rules) if old else () for one in rules]
    facts = Facts(
        open=True,
        draft=pull.draft,
        conflicts=None if test is None else test.merge_sha is None,
        missing=tuple(reason for _, reasons in unmet_of for reason in reasons),
        behind=old,
        unsuccessful=bool(unsuccessful(forge.store.db, repo.id, pull.head_sha)),
    )
    return Readiness(
        mergeable=None if facts.conflicts is None else not facts.conflicts,
        state=decide(facts),
        missing=tuple(dict.fromkeys((*facts.missing, *(reason for reasons in late for reason in reasons)))),
        merge_sha=test.merge_sha if test else None,
        unmet=tuple((one, (*reasons, *more)) for (one, reasons), more in zip(unmet_of, late, strict=True)),
    )


def _is_strict(one: Bound) -> bool:
    return bool(one.rules.checks and one.rules.checks.strict)


def rules_for(db: Db, repo: Repository, pull: Pull) -> Rules | None:
    """The protection of the base branch."""
    row = repos.protection_of(db, repo.id, pull.base_ref)
    return rules_of(row) if row else None


def unmet(forge: Forge, repo: Repository, issue: Issue, pull: Pull, rules: Rules) -> tuple[str, ...]:
    """The requirements of the base branch that the pull request does not meet, in GitHub's words."""
    db = forge.store.db
    reasons = missing_checks(rules, passed_checks(db, repo.id, pull.head_sha))
    if rules.reviews:
        reasons += _missing_reviews(forge, repo, issue, pull, rules.reviews)
    if rules.conversation_resolution and _unresolved(db, pull):
        reasons.append("All comments must be resolved.")
    if rules.lock_branch:
        reasons.append("This branch is locked and cannot be changed.")
    return tuple(reasons)


def verdicts(db: Db, repo: Repository, issue: Issue, pull: Pull) -> list[Review]:
    """The last approval or rejection of everybody who may write, the author aside."""
    latest: dict[int, Review] = {}
    for review in pulls.reviews_of(db, pull.id):
        if (
            review.state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}
            and review.author_id != issue.author_id
        ):
            latest[review.author_id] = review
    return [
        review
        for review in latest.values()
        if role_on(db, repo, accounts.by_id(db, review.author_id)) >= Role.WRITE
    ]


def _missing_reviews(
    forge: Forge, repo: Repository, issue: Issue, pull: Pull, wanted: RequiredReviews
) -> list[str]:
    reasons = []
    given = verdicts(forge.store.db, repo, issue, pull)
    approvals = [review for review in given if review.state == "APPROVED"]
    if any(review.state == "CHANGES_REQUESTED" for review in given):
        reasons.append("Changes have been requested by a reviewer with write access.")
    if len(approvals) < wanted.count:
        plural = "review is" if wanted.count == 1 else "reviews are"
        reasons.append(f"At least {wanted.count} approving {plural} required by reviewers with write access.")
    if wanted.last_push_approval and not any(_of_last_push(review, pull) for review in approvals):
        reasons.append("New changes require approval from someone other than the last pusher.")
    if wanted.code_owners and missing_owners(forge, pull, [review.author_id for review in approvals]):
        reasons.append("Waiting on code owner review.")
    return reasons


def _of_last_push(review: Review, pull: Pull) -> bool:
    return review.commit_sha == pull.head_sha and review.author_id != pull.head_pusher_id


def _unresolved(db: Db, pull: Pull) -> Sequence[pulls.ReviewComment]:
    threads = pulls.review_comments_of(db, pull.id)
    return [comment for comment in threads if comment.in_reply_to_id is None and not comment.resolved]


def _up_to_date(forge: Forge, pull: Pull, test: pulls.TestMerge | None) -> bool:
    return test is not None and is_ancestor(forge.git(pull.repo_id), test.base_sha, pull.head_sha)
