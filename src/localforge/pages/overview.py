"""The forge, an owner, a repository."""

from collections.abc import Sequence
from dataclasses import dataclass

from localforge.access import can_see
from localforge.call import Answer, Call, text
from localforge.errors import NotFoundError
from localforge.git import refnames
from localforge.git.history import Walk, newest_first
from localforge.git.objects import Commit, tree
from localforge.operations import Area, Operation
from localforge.pages.conversations import listed
from localforge.pages.page import page, stylesheet
from localforge.store import accounts, run_lists
from localforge.store.accounts import Account
from localforge.store.repos import Repository
from localforge.store.run_lists import RunFilter

area = Area()

_READMES = ("readme.md", "readme.rst", "readme.txt", "readme")
_RECENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRow:
    """A repository in a list, with what is open in it."""

    repo: Repository
    full_name: str
    branch: str
    issues: int
    pulls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readme:
    """A README; `markdown` tells whether it is to be rendered or shown as it is."""

    name: str
    text: str
    markdown: bool


def front(call: Call) -> Answer:
    """Every owner with the repositories that the caller sees."""
    owners = call.db.all(
        Account, "SELECT * FROM account WHERE id IN (SELECT owner_id FROM repository) ORDER BY login"
    )
    groups = [(account, _rows(call, account)) for account in owners]
    return page(call, "front", groups=[group for group in groups if group[1]])


# Shares its path with the API's root: who asks for HTML there gets this.
FRONT = Operation(method="GET", path="/", id="page/front", handler=front, page=True)


@area("GET", "/_assets/forge.css", "page/stylesheet", page=True)
def style(_: Call) -> Answer:
    """The style sheet of every page."""
    return text(stylesheet(), "text/css; charset=utf-8")


@area("GET", "/{owner}", "page/owner", page=True)
def owner(call: Call) -> Answer:
    """The repositories of a user or organization."""
    account = accounts.by_login(call.db, call.params["owner"])
    if account is None:
        raise NotFoundError
    return page(call, "owner", account=account, rows=_rows(call, account))


@area("GET", "/{owner}/{repo}", "page/repository", needs="metadata:read", page=True)
def repository(call: Call) -> Answer:
    """A repository: branches, files and README of the default branch, and what happened last."""
    branch = refnames.head_branch(call.git)
    sha = refnames.branch_sha(call.git, branch)
    branches = refnames.refs(call.git, refnames.BRANCH)
    runs = RunFilter(repo_id=call.repo.id)
    return page(
        call,
        "repository",
        branch=branch,
        branches=[ref.name.removeprefix(refnames.BRANCH) for ref in branches],
        clone=f"{call.urls.page(call.view.full_name(call.repo))}.git",
        readme=_readme(call, sha) if sha else None,
        commits=_commits(call, sha) if sha else (),
        pulls=listed(call, pulls=True, state="open", limit=_RECENT),
        issues=listed(call, pulls=False, state="open", limit=_RECENT),
        runs=run_lists.list_runs(call.db, runs, _RECENT, 0),
    )


def _rows(call: Call, account: Account) -> list[RepositoryRow]:
    found = call.db.all(Repository, "SELECT * FROM repository WHERE owner_id = ? ORDER BY name", account.id)
    counted = "SELECT count(*) FROM issue WHERE repo_id = ? AND state = 'open' AND is_pull = ?"
    return [
        RepositoryRow(
            repo=repo,
            full_name=f"{account.login}/{repo.name}",
            branch=refnames.head_branch(call.forge.git(repo.id)),
            issues=call.db.count(counted, repo.id, 0),
            pulls=call.db.count(counted, repo.id, 1),
        )
        for repo in found
        if can_see(call.db, call.actor, repo)
    ]


def _commits(call: Call, sha: str) -> Sequence[Commit]:
    return newest_first(call.git, Walk(include=(sha,)), _RECENT)


def _readme(call: Call, sha: str) -> Readme | None:
    entries = {entry.name.lower(): entry for entry in tree(call.git, f"{sha}^{{tree}}") or ()}
    entry = next((entries[name] for name in _READMES if name in entries), None)
    found = call.git.object(entry.sha) if entry else None
    if entry is None or found is None or found.kind != "blob":
        return None
    content = found.data.decode("utf-8", "replace")
    return Readme(name=entry.name, text=content, markdown=entry.name.lower().endswith(".md"))
