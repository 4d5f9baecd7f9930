"""A whole forge as a description, bare clones and a history: what `seed` reads back.

The description has what there is, for people to read and change; the history has what happened (`tables`). In neither:
credentials and secrets, Apps' hooks, forks' parents, rulesets, invitations, an organization's variables, caches, deliveries, ids,
the times of accounts, labels and hooks.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast

from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.json_types import Json
from localforge.protection import rules_of
from localforge.seeding import history, model
from localforge.store import accounts, hooks, issues, pulls, repos, teams, variables
from localforge.store.accounts import Account
from localforge.store.database import Db
from localforge.store.issues import DEFAULT_LABELS, Issue
from localforge.store.repos import Repository
from localforge.store.teams import Team
from localforge.store.variables import Variable


def export(forge: Forge, folder: Path) -> int:
    """Write `seed.yml`, `git/`, `history.jsonl` and `files/` into a new or empty folder; how many repositories. ValueError when it is not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty: name a new folder")
    (folder / "git").mkdir(parents=True)
    db = forge.store.db
    everybody = db.all(Account, "SELECT * FROM account ORDER BY id")
    stored = db.all(Repository, "SELECT * FROM repository ORDER BY id")
    described: list[Json] = []
    for repo in stored:
        name = f"{accounts.by_id(db, repo.owner_id).login}/{repo.name}"
        where = f"git/{name}.git"
        _copy(forge.git(repo.id), folder / where)
        described.append(_repository(db, repo, name, where, refnames.head_branch(forge.git(repo.id))))
    document: Json = {
        "users": [_user(account) for account in everybody if account.kind == "User"],
        "organizations": [_org(db, account) for account in everybody if account.kind == "Organization"],
        "repositories": described,
        "history": history.NAME,
    }
    history.write(forge, folder)
    (folder / "seed.yml").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return len(stored)


def _copy(git: GitDir, target: Path) -> None:
    """A bare clone with branches, tags, and heads of pull requests: what the description names is reachable."""
    target.parent.mkdir(parents=True, exist_ok=True)
    bare = GitDir(target)
    bare.create(refnames.head_branch(git))
    refs = ("refs/heads/*", "refs/tags/*", "refs/pull/*/head")
    bare.run(
        "fetch", "--quiet", "--no-write-fetch-head", str(git.path), *(f"+{name}:{name}" for name in refs)
    )


def _told(kind: type, values: Mapping[str, object]) -> dict[str, Json]:
    """The keys of a description's type whose values are not what they are by themselves."""
    told = {}
    for entry in fields(kind):
        value = values.get(entry.name, MISSING)
        default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        if value is not MISSING and value != default and value not in ([], {}):
            told[entry.name] = value
    return cast("dict[str, Json]", told)


def _user(account: Account) -> dict[str, Json]:
    return _told(model.User, {"login": account.login, "name": account.name, "email": account.email})


def _org(db: Db, org: Account) -> dict[str, Json]:
    members = {user.login: accounts.member_role(db, org.id, user.id) for user in accounts.members(db, org.id)}
    values = {"login": org.login, "name": org.name, "description": org.description, "members": members}
    described = [_team(db, team) for team in teams.of_org(db, org.id)]
    return _told(model.Organization, {**values, "default_role": org.default_role, "teams": described})


def _team(db: Db, team: Team) -> dict[str, Json]:
    parent = teams.by_id(db, team.parent_id) if team.parent_id else None
    values = {**_columns(team), "parent": parent.name if parent else None, "secret": team.privacy == "secret"}
    sql = (
        "SELECT login FROM account JOIN team_member ON user_id = account.id WHERE team_id = ? ORDER BY login"
    )
    return _told(model.Team, {**values, "members": db.column(str, sql, team.id)})


def _team_roles(db: Db, repo: Repository) -> dict[str, str]:
    sql = (
        "SELECT team.name || char(0) || role FROM team JOIN team_repository ON team_id = team.id"
        " WHERE repo_id = ? ORDER BY team.id"
    )
    return dict(text.split("\0") for text in db.column(str, sql, repo.id))


def _repository(db: Db, repo: Repository, name: str, where: str, head: str) -> dict[str, Json]:
    stored = issues_of(db, repo)
    people = db.all(Account, "SELECT * FROM account")
    roles = ((user, repos.collaborator_role(db, repo.id, user.id)) for user in people)
    protections = db.all(repos.Protection, "SELECT * FROM protection WHERE repo_id = ?", repo.id)
    return _told(
        model.Repository,
        {
            "name": name,
            "clone": where,
            "private": repo.private,
            "archived": repo.archived,
            "description": repo.description,
            "homepage": repo.homepage,
            "topics": list(repo.topics),
            "default_branch": head,
            "settings": dict(repo.settings),
            "collaborators": {user.login: role for user, role in roles if role},
            "teams": _team_roles(db, repo),
            "variables": {row.name: row.value for row in variables.of_repo(db, Variable, repo.id)},
            "protection": {row.branch: _protection(row) for row in protections},
            "labels": _labels(db, repo),
            "milestones": [_milestone(row) for row in _milestones(db, repo)],
            "issues": [_issue(db, issue) for issue in stored if not issue.is_pull],
            "pull_requests": [_pull(db, issue) for issue in stored if issue.is_pull],
            "hooks": [
                _told(model.Hook, {**_columns(hook), "secret": "", "events": list(hook.events)})
                for hook in hooks.of_repo(db, repo.id)
            ],
        },
    )


def issues_of(db: Db, repo: Repository) -> list[Issue]:
    """Everything that has a number, in order."""
    return db.all(Issue, "SELECT * FROM issue WHERE repo_id = ? ORDER BY number", repo.id)


def _milestones(db: Db, repo: Repository) -> list[issues.Milestone]:
    return db.all(issues.Milestone, "SELECT * FROM milestone WHERE repo_id = ? ORDER BY number", repo.id)


def _columns(row: Any) -> dict[str, object]:  # noqa: ANN401 (a row of any table)
    return {entry.name: getattr(row, entry.name) for entry in fields(row)}


def _labels(db: Db, repo: Repository) -> list[Json]:
    rows = issues.labels_of_repo(db, repo.id)
    own = (row for row in rows if (row.name, row.color, row.description) not in DEFAULT_LABELS)
    return [_told(model.Label, _columns(row)) for row in own]


def _milestone(row: issues.Milestone) -> dict[str, Json]:
    return _told(model.Milestone, _columns(row))


def _issue(db: Db, issue: Issue) -> dict[str, Json]:
    return _told(model.Issue, _conversation(db, issue))


def _conversation(db: Db, issue: Issue) -> dict[str, object]:
    milestone = issues.milestone_by_id(db, issue.milestone_id) if issue.milestone_id else None
    return {
        "title": issue.title,
        "body": issue.body,
        "author": accounts.by_id(db, issue.author_id).login,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "labels": [label.name for label in issues.labels_of(db, issue.id)],
        "assignees": [person.login for person in issues.assignees_of(db, issue.id)],
        "milestone": milestone.title if milestone else None,
        "comments": [
            {"body": comment.body, "author": accounts.by_id(db, comment.author_id).login}
            for comment in issues.comments_of(db, issue.id)
        ],
        "number": issue.number,
    }


def _pull(db: Db, issue: Issue) -> dict[str, Json]:
    """What comes from another repository is told as closed: its branch is not here."""
    pull = pulls.of_issue(db, issue.id)
    foreign = issue.state == "open" and pull.head_repo_id != pull.repo_id
    closed = issue.state == "closed" or foreign
    return _told(
        model.Pull,
        {
            **_conversation(db, issue),
            "state": "merged" if pull.merged_at else "closed" if closed else "open",
            "head": pull.head_ref,
            "base": pull.base_ref,
            "draft": pull.draft,
            "head_sha": pull.head_sha if closed else None,
            "base_sha": pull.base_sha if closed else None,
            "merge_commit_sha": pull.merge_commit_sha if pull.merged_at else None,
        },
    )


def _protection(row: repos.Protection) -> dict[str, Json]:
    rules = rules_of(row)
    values: dict[str, object] = _columns(rules)
    if rules.checks:
        values |= {
            "required_checks": [check.context for check in rules.checks.checks],
            "strict": rules.checks.strict,
        }
    if rules.reviews:
        values |= {**_columns(rules.reviews), "required_reviews": rules.reviews.count}
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    return _told(model.Protection, values | lists)
