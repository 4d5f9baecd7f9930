"""The fields that queries begin with: viewer, node, repository, organization, search …"""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from localforge.access import can_see
from localforge.graph.fields import Ask, Connection, Fields, QueryError, connect, connect_from
from localforge.graph.nodes import IssueNode, Person, Repo, by_id, issue_node
from localforge.graph.repositories import find_repository
from localforge.issues.search import conditions
from localforge.store import accounts, issues, repos
from localforge.store.accounts import Account
from localforge.store.issues import Issue
from localforge.store.repos import Repository

fields = Fields()

Root = Mapping[str, object]


def present(ask: Ask, node_id: str) -> object:
    """The node with this id; NOT_FOUND in GitHub's words when the viewer sees none."""
    node = by_id(ask.view, node_id)
    if node is None:
        raise QueryError(f"Could not resolve to a node with the global id of '{node_id[:80]}'", "NOT_FOUND")
    return node


def _owner(kind: str | None) -> str:
    return {"User": "a User", "Organization": "an Organization"}.get(kind or "", "a RepositoryOwner")


def _account(ask: Ask, kind: str | None) -> Person | None:
    login = ask.args.text("login")
    account = accounts.by_login(ask.db, login)
    if account is None or (kind and account.kind != kind):
        if kind is None:
            return None
        raise QueryError(f"Could not resolve to {_owner(kind)} with the login of '{login}'.", "NOT_FOUND")
    return Person(account=account)


@fields("Query", "nodes")
def _nodes(_root: Root, ask: Ask) -> list[object]:
    return [by_id(ask.view, node_id) for node_id in ask.args.texts("ids") or ()]


@fields("Query", "resource")
def _resource(_root: Root, ask: Ask) -> object | None:
    """The repository, issue or pull request that a web address leads to."""
    parts = [unquote(part) for part in urlsplit(ask.args.text("url")).path.split("/") if part]
    if len(parts) < 2:
        account = accounts.by_login(ask.db, parts[0]) if parts else None
        return Person(account=account) if account else None
    repo = repos.by_name(ask.db, parts[0], parts[1])
    if repo is None or not can_see(ask.db, ask.view.actor, repo):
        return None
    if len(parts) == 4 and parts[2] in {"issues", "pull"} and parts[3].isdigit() and len(parts[3]) < 10:
        issue = issues.by_number(ask.db, repo.id, int(parts[3]))
        return issue_node(ask.view, repo, issue) if issue else None
    return Repo(repo=repo)


@fields("Query", "search")
def _search(_root: Root, ask: Ask) -> Connection:
    query = ask.args.text("query")
    match ask.args.text("type"):
        case "ISSUE":
            return _found_issues(ask, query)
        case "REPOSITORY":
            return _found_repositories(ask, query)
        case "USER":
            rows = ask.db.all(Account, "SELECT * FROM account ORDER BY id")
            words = query.casefold().split()
            found = [row for row in rows if all(word in row.login.casefold() for word in words)]
            return connect(ask, found, lambda row: Person(account=row), **_counts("userCount", len(found)))
        case _:
            return connect(ask, (), lambda item: item, **_counts("discussionCount", 0))


def _found_issues(ask: Ask, query: str) -> Connection:
    where = conditions(ask.db, ask.view.actor, query)
    total = ask.db.count(f"SELECT count(*) FROM issue WHERE {where.sql}", *where.args)  # noqa: S608 (ours)

    def fetch(limit: int, offset: int) -> Sequence[Issue]:
        sql = f"SELECT issue.* FROM issue WHERE {where.sql}"  # noqa: S608 (ours)
        return ask.db.all(
            Issue, f"{sql} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", *where.args, limit, offset
        )

    return connect_from(ask, total, fetch, lambda row: _issue(ask, row), **_counts("issueCount", total))


def _issue(ask: Ask, row: Issue) -> IssueNode | None:
    repo = repos.by_id(ask.db, row.repo_id)
    return issue_node(ask.view, repo, row) if repo else None


def _found_repositories(ask: Ask, query: str) -> Connection:
    """By words in the name; `org:`, `user:` and `repo:` narrow it."""
    terms = query.casefold().split()
    owners = {term.partition(":")[2] for term in terms if term.startswith(("org:", "user:"))}
    names = {term.partition(":")[2] for term in terms if term.startswith("repo:")}
    words = [term for term in terms if ":" not in term]
    found = []
    for repo in ask.db.all(Repository, "SELECT * FROM repository ORDER BY id"):
        full_name = ask.view.full_name(repo).casefold()
        fits = not owners or full_name.partition("/")[0] in owners
        fits = fits and (not names or full_name in names) and all(word in full_name for word in words)
        if fits and can_see(ask.db, ask.view.actor, repo):
            found.append(repo)
    return connect(ask, found, lambda repo: Repo(repo=repo), **_counts("repositoryCount", len(found)))


def _counts(name: str, total: int) -> dict[str, int]:
    names = ("codeCount", "discussionCount", "issueCount", "repositoryCount", "userCount", "wikiCount")
    return {**dict.fromkeys(names, 0), name: total}


fields.of(
    "Query",
    Mapping[str, object],  # type: ignore[type-abstract]
    {
        "id": lambda _root, _ask: "Q_root",
        "viewer": lambda _root, ask: Person(account=ask.view.actor.account),
        "node": lambda _root, ask: present(ask, ask.args.text("id")),
        "repository": lambda _root, ask: find_repository(ask, ask.args.text("owner"), ask.args.text("name")),
        "organization": lambda _root, ask: _account(ask, "Organization"),
        "user": lambda _root, ask: _account(ask, "User"),
        "repositoryOwner": lambda _root, ask: _account(ask, None),
    },
)
