"""Judges ref changes before they happen: protected branches, and workflow files without permission."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from localforge.access import Actor, Need, Role, names_of, role_on
from localforge.errors import InvalidError
from localforge.events import ZERO_SHA
from localforge.forge import Forge
from localforge.git.directory import GitDir
from localforge.json_types import JsonObject
from localforge.protection import Check, MoveFacts, Rules, refusals
from localforge.refs import PUSH, Move, move
from localforge.rulesets import RULE_VIOLATIONS, bound, spares
from localforge.store.database import Db
from localforge.store.repos import Repository

CheckSource: TypeAlias = Callable[[Db, int, str], frozenset[Check]]

# Each gives the checks that have succeeded on a commit (repository id, sha). The areas of statuses and of check
# runs add theirs; while nobody reports, nothing has succeeded and a required check stays expected.
CHECK_SOURCES: list[CheckSource] = []

_WORKFLOWS = Need(permission="workflows", level="write", role=Role.WRITE)


class ProtectedBranchError(InvalidError):
    """Refused ref changes: the reasons by ref."""

    def __init__(self, reasons: Mapping[str, Sequence[str]]) -> None:
        self.reasons = reasons
        sentences = [sentence for group in reasons.values() for sentence in group]
        super().__init__(
            " ".join(sentences), documentation="https://docs.github.com/articles/about-protected-branches"
        )


def move_guarded(
    forge: Forge, repo: Repository, moves: Sequence[Move], actor: Actor, cause: JsonObject = PUSH
) -> None:
    """Move refs as the actor, if every one is allowed; ProtectedBranchError (422) otherwise."""
    with forge.ref_lock(repo.id):
        judge(forge, repo, moves, actor)
        move(forge, repo.id, moves, actor.account.id, cause)


def judge(
    forge: Forge,
    repo: Repository,
    moves: Sequence[Move],
    actor: Actor,
    quarantine: Mapping[str, str] | None = None,
) -> None:
    """Raise ProtectedBranchError when one of the changes is refused. `quarantine`: where pushed objects wait."""
    reasons = {item.ref: _reasons(forge, repo, item, actor, quarantine or {}) for item in moves}
    refused = {ref: why for ref, why in reasons.items() if why}
    if refused:
        raise ProtectedBranchError(refused)


def passed_checks(db: Db, repo_id: int, sha: str) -> frozenset[Check]:
    """The statuses and check runs that have succeeded on the commit."""
    return frozenset[Check]().union(*(source(db, repo_id, sha) for source in CHECK_SOURCES))


def _reasons(
    forge: Forge, repo: Repository, item: Move, actor: Actor, quarantine: Mapping[str, str]
) -> tuple[str, ...]:
    git = forge.git(repo.id)
    reasons: list[str] = []
    if not item.deletes and actor.credential and not actor.credential.permits(_WORKFLOWS, repo):
        reasons += _workflow_refusal(git, item, actor, quarantine)
    if not item.ref.isprintable():
        reasons.append("Reference names must be printable UTF-8.")
    for one in bound(forge, repo, item.ref):
        if one.ruleset and spares(forge.store.db, one.ruleset, repo, actor, merging=False):
            continue
        refused = refusals(one.rules, _facts(forge, repo, item, actor, one.rules, quarantine))
        if one.ruleset and refused:
            refused = (f"{RULE_VIOLATIONS} ({one.ruleset.name}).", *refused)
        reasons += refused
    return tuple(dict.fromkeys(reasons))


def _facts(
    forge: Forge, repo: Repository, item: Move, actor: Actor, rules: Rules, quarantine: Mapping[str, str]
) -> MoveFacts:
    git, db = forge.git(repo.id), forge.store.db
    moves_on = not item.creates and not item.deletes
    return MoveFacts(
        role=role_on(db, repo, actor.user),
        names=names_of(db, actor.account),
        creates=item.creates,
        deletes=item.deletes,
        forced=moves_on
        and git.attempt("merge-base", "--is-ancestor", item.before, item.after, extra=quarantine)[0] != 0,
        brings_merges=rules.linear_history and not item.deletes and _brings_merges(git, item, quarantine),
        passed=passed_checks(db, repo.id, item.after),
    )


def _brings_merges(git: GitDir, item: Move, quarantine: Mapping[str, str]) -> bool:
    known = () if item.before == ZERO_SHA else (f"^{item.before}",)
    return bool(git.run("rev-list", "--merges", "-n1", item.after, *known, extra=quarantine).strip())


def _workflow_refusal(git: GitDir, item: Move, actor: Actor, quarantine: Mapping[str, str]) -> list[str]:
    """A refusal when the change brings commits that touch workflow files."""
    commits = git.run(
        "rev-list",
        "-n1",
        item.after,
        "--not",
        "--branches",
        "--tags",
        "--",
        ".github/workflows",
        extra=quarantine,
    )
    if not commits.strip():
        return []
    names = git.run(
        "diff-tree",
        "-r",
        "--root",
        "-m",
        "--name-only",
        "--no-commit-id",
        commits.decode().strip(),
        "--",
        ".github/workflows",
        extra=quarantine,
    )
    path = names.decode("utf-8", "replace").splitlines()[0] if names else ".github/workflows"
    whom, what = (
        ("GitHub App", "`workflows` permission")
        if actor.installation
        else ("Personal Access Token", "`workflow` scope")
    )
    return [f"refusing to allow a {whom} to create or update workflow `{path}` without {what}"]
