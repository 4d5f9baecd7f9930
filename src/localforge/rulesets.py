"""Rulesets as rules of protection: which bind a ref, what they ask, and whom they spare."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from localforge.access import Actor, Role, role_on
from localforge.forge import Forge
from localforge.git import refnames
from localforge.json_types import Json
from localforge.protection import Check, RequiredChecks, RequiredReviews, Rules, rules_of
from localforge.store import accounts, repos, rulesets, teams
from localforge.store.database import Db
from localforge.store.repos import Repository
from localforge.store.rulesets import Ruleset

RULE_VIOLATIONS = "Repository rule violations found"

# GitHub's ids of its own roles, as a bypass list names them (docs.github.com, REST: rules, `bypass_actors`).
_ROLES = {1: Role.READ, 2: Role.MAINTAIN, 3: Role.TRIAGE, 4: Role.WRITE, 5: Role.ADMIN}
_ENFORCED = (
    *("creation", "update", "deletion", "non_fast_forward", "required_linear_history"),
    *("pull_request", "required_status_checks"),
)
KINDS = frozenset((*_ENFORCED, "required_signatures", "required_deployments", "commit_message_pattern"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Rules that bind a ref: of its protection, or of a ruleset."""

    rules: Rules
    ruleset: Ruleset | None = None


def bound(forge: Forge, repo: Repository, ref: str) -> list[Bound]:
    """Everything that binds the ref: the protection of the branch, and active rulesets."""
    branch = ref.removeprefix(refnames.BRANCH)
    row = repos.protection_of(forge.store.db, repo.id, branch) if branch != ref else None
    own = [Bound(rules=rules_of(row))] if row else []
    return [*own, *(Bound(rules=as_rules(item), ruleset=item) for item in binding(forge, repo, ref))]


def binding(forge: Forge, repo: Repository, ref: str) -> list[Ruleset]:
    """The active rulesets that take in the ref."""
    found = [item for item in rulesets.of_repo(forge.store.db, repo.id) if item.enforcement == "active"]
    if not found:
        return []
    default = refnames.BRANCH + refnames.head_branch(forge.git(repo.id))
    return [item for item in found if takes_in(item, ref, default)]


def takes_in(item: Ruleset, ref: str, default: str) -> bool:
    """Whether the ruleset's condition takes in the ref; `default` is the default branch's."""
    prefix = refnames.BRANCH if item.target == "branch" else refnames.TAG

    def matches(patterns: Sequence[str]) -> bool:
        return any(
            pattern == "~ALL"
            or (pattern == "~DEFAULT_BRANCH" and ref == default)
            or _compiled(pattern).fullmatch(ref) is not None
            for pattern in patterns
        )

    return ref.startswith(prefix) and matches(item.include) and not matches(item.exclude)


def as_rules(item: Ruleset) -> Rules:
    """What the ruleset asks, for administrators too; rules of kinds that are not known here ask nothing."""
    parameters = {str(rule["type"]): _object(rule.get("parameters")) for rule in item.rules}
    pull, checks = parameters.get("pull_request"), parameters.get("required_status_checks")
    return Rules(
        enforce_admins=True,
        checks=_checks(checks) if checks is not None else None,
        reviews=_reviews(pull) if pull is not None else None,
        linear_history="required_linear_history" in parameters,
        allow_force_pushes="non_fast_forward" not in parameters,
        allow_deletions="deletion" not in parameters,
        block_creations="creation" in parameters,
        lock_branch="update" in parameters,
        conversation_resolution=bool(pull and pull.get("required_review_thread_resolution")),
    )


def spares(db: Db, item: Ruleset, repo: Repository, actor: Actor, *, merging: bool) -> bool:
    """Whether the actor is on the ruleset's bypass list; `pull_request` there counts for merging alone."""
    return any(
        (merging or entry.get("bypass_mode", "always") == "always") and _is(db, entry, repo, actor)
        for entry in item.bypass
    )


def _is(db: Db, entry: Mapping[str, Json], repo: Repository, actor: Actor) -> bool:
    user, wanted = actor.user, entry.get("actor_id")
    if user is None:
        return False
    match entry["actor_type"]:
        case "OrganizationAdmin":
            return accounts.member_role(db, repo.owner_id, user.id) == "admin"
        case "RepositoryRole":
            role = _ROLES.get(wanted) if isinstance(wanted, int) else None
            return role is not None and role_on(db, repo, user) >= role
        case "Integration":
            return actor.installation is not None and actor.installation.app_id == wanted
        case "Team":
            return isinstance(wanted, int) and user.id in {person.id for person in teams.members(db, wanted)}
        case "User":
            return user.id == wanted
        case _:
            return False


def _checks(given: Mapping[str, Json]) -> RequiredChecks:
    entries = given.get("required_status_checks")
    return RequiredChecks(
        strict=bool(given.get("strict_required_status_checks_policy")),
        checks=tuple(
            Check(
                context=str(_object(entry).get("context")),
                app_id=_number(_object(entry).get("integration_id")),
            )
            for entry in (entries if isinstance(entries, Sequence) else ())
        ),
    )


def _reviews(given: Mapping[str, Json]) -> RequiredReviews:
    return RequiredReviews(
        count=_number(given.get("required_approving_review_count")) or 0,
        dismiss_stale=bool(given.get("dismiss_stale_reviews_on_push")),
        code_owners=bool(given.get("require_code_owner_review")),
        last_push_approval=bool(given.get("require_last_push_approval")),
    )


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Json) -> int | None:
    return value if isinstance(value, int) else None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """GitHub's patterns of ref names: `*` stays within a part, `**/` is any parts."""
    pieces = re.findall(r"\*\*/?|\*|\?|[^*?]+", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(piece) or re.escape(piece) for piece in pieces), re.DOTALL)
