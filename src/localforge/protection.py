"""Branch protection: the rules, the facts of a ref change, and the pure decision."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from localforge.access import Role
from localforge.store.repos import Protection

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A required status check; `app_id` None: whoever reports it."""

    context: str
    app_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredChecks:
    """Checks that must have succeeded; `strict`: on a head that contains the base."""

    strict: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredReviews:
    """Reviews that a pull request needs. Who is spared, and who may dismiss, is said in names as of `access.names_of`."""

    count: int = 1
    dismiss_stale: bool = False
    code_owners: bool = False
    last_push_approval: bool = False
    bypass_users: tuple[str, ...] = ()
    dismissal_users: tuple[str, ...] | None = None

    def spares(self, names: frozenset[str]) -> bool:
        """Whether somebody with these names may do without a pull request."""
        return not names.isdisjoint(self.bypass_users)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The protection of a branch. `push_users`: logins, also of Apps' bots, and teams as `org/slug`; None: whoever may write."""

    enforce_admins: bool = False
    checks: RequiredChecks | None = None
    reviews: RequiredReviews | None = None
    push_users: tuple[str, ...] | None = None
    linear_history: bool = False
    allow_force_pushes: bool = False
    allow_deletions: bool = False
    block_creations: bool = False
    conversation_resolution: bool = False
    lock_branch: bool = False
    allow_fork_syncing: bool = False

    def keeps_out(self, names: frozenset[str]) -> bool:
        """Whether somebody with these names may not push, nor merge."""
        return self.push_users is not None and names.isdisjoint(self.push_users)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFacts:
    """What a direct change of a protected branch is, and by whom. `passed`: checks that succeeded on its end."""

    role: Role
    names: frozenset[str]
    creates: bool = False
    deletes: bool = False
    forced: bool = False
    brings_merges: bool = False
    passed: frozenset[Check] = frozenset()


def refusals(rules: Rules, facts: MoveFacts) -> tuple[str, ...]:
    """Why the change is refused, in GitHub's words; empty when it is allowed.

    Force pushes, deletions and a lock bind everybody; the rest spares administrators unless `enforce_admins`.
    """
    reasons = []
    if rules.lock_branch:
        reasons.append("This branch is locked and cannot be changed.")
    if facts.deletes:
        return (*reasons, *(() if rules.allow_deletions else ("Cannot delete this protected branch",)))
    if facts.forced and not rules.allow_force_pushes:
        reasons.append("Cannot force-push to this protected branch")
    if facts.role is Role.ADMIN and not rules.enforce_admins:
        return tuple(reasons)
    return (*reasons, *_for_writers(rules, facts))


def _for_writers(rules: Rules, facts: MoveFacts) -> list[str]:
    reasons = []
    if rules.keeps_out(facts.names):
        reasons.append("You're not authorized to push to this branch.")
    if facts.creates and rules.block_creations:
        reasons.append("Cannot create this protected branch")
    if rules.reviews is not None and not rules.reviews.spares(facts.names):
        reasons.append("Changes must be made through a pull request.")
    if rules.linear_history and facts.brings_merges:
        reasons.append("This branch must not contain merge commits.")
    reasons += missing_checks(rules, facts.passed)
    return reasons


def missing_checks(rules: Rules, passed: frozenset[Check]) -> list[str]:
    """One sentence per required check that has not succeeded, as reported by the App that must."""
    wanted = rules.checks.checks if rules.checks else ()
    return [
        f'Required status check "{check.context}" is expected.' for check in wanted if check not in passed
    ]


def outdated_checks(rules: Rules) -> tuple[str, ...]:
    """What is said of a head that has not all of its base, where it must: green as they are, its checks are expected anew
    (the count as in github.com/RakuenSoftware/aimee/pull/2460)."""
    if rules.checks is None or not rules.checks.strict:
        return ()
    match rules.checks.checks:
        case ():
            return ("The head branch is not up to date with the base branch.",)
        case (check,):
            return (f'Required status check "{check.context}" is expected.',)
        case checks:
            return (f"{len(checks)} of {len(checks)} required status checks are expected.",)


def rules_of(row: Protection) -> Rules:
    """The rules of a stored protection."""
    return _reader().validate_python(row.rules)


@cache
def _reader() -> "TypeAdapter[Rules]":
    # pydantic is imported when the first protected branch is met, not at start-up.
    from pydantic import TypeAdapter

    return TypeAdapter(Rules)
