"""Pull requests: listing, opening, changing, what they contain, merging."""

from collections.abc import Sequence

from localforge import refs
from localforge.access import Role, role_on
from localforge.call import Answer, Call, created, no_content, ok, text
from localforge.errors import ForbiddenError, InvalidError, NotFoundError, field_error
from localforge.forking import in_network
from localforge.git import refnames
from localforge.git.diff import changed_files, mailbox, unified
from localforge.git.history import Walk, oldest_first
from localforge.issues.editing import act_on, close, edit_text
from localforge.issues.listing import Conditions
from localforge.json_types import Json
from localforge.operations import Area, parse_need
from localforge.paging import page_from, page_of
from localforge.pulls.comparison import comparison
from localforge.pulls.following import follow, settle_merge
from localforge.pulls.merging import Method, Wish, merge, update_branch
from localforge.pulls.messages import Wording
from localforge.pulls.opening import Proposal, move_base, open_pull, proposed, reopen_pull
from localforge.render.commits import commit as render_commit
from localforge.render.commits import diff_entry
from localforge.render.pulls import full, simple
from localforge.rest.commits import DIFF, PATCH
from localforge.rest.issues import read_body, read_title
from localforge.store import accounts, issues, pulls
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository

area = Area()

MOST_FILES = 3000
MOST_COMMITS = 250
refs.SETTLERS["merge"] = settle_merge
refs.FOLLOWERS.append(follow)
_ONE = "/repos/{owner}/{repo}/pulls/{pull_number}"
_WRITE = parse_need("pull_requests:write", Role.WRITE)
_METHODS: tuple[Method, ...] = ("merge", "squash", "rebase")
_SORTS = {
    "created": "issue.created_at",
    "updated": "issue.updated_at",
    "popularity": "issue.comments",
    "long-running": "issue.created_at",
}


@area("GET", "/repos/{owner}/{repo}/pulls", "pulls/list", needs="pull_requests:read")
def list_pulls(call: Call) -> Answer:
    """Pull requests by state, head (`owner:branch`) and base."""
    view, where = call.view, _asked_for(call)
    sort = call.query.choice("sort", tuple(_SORTS), "created")
    direction = call.query.choice("direction", ("asc", "desc"), "desc" if sort == "created" else "asc")
    source = f"FROM issue JOIN pull ON pull.issue_id = issue.id WHERE {where.sql}"
    order = f"ORDER BY {_SORTS[sort]} {direction}, issue.id {direction} LIMIT ? OFFSET ?"

    def fetch(limit: int, offset: int) -> Sequence[Issue]:
        return call.db.all(Issue, f"SELECT issue.* {source} {order}", *where.args, limit, offset)

    page = page_from(call, call.db.count(f"SELECT count(*) {source}", *where.args), fetch)
    return page.answer(
        lambda item: simple(view, call.repo, item, pulls.of_issue(call.db, item.id), call.accept)
    )


@area(
    "POST",
    "/repos/{owner}/{repo}/pulls",
    "pulls/create",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
    content=True,
)
def create(call: Call) -> Answer:
    """Propose a branch; the caller must be allowed to write it."""
    head_repo, head = _head(call)
    if not call.actor.installation and role_on(call.db, head_repo, call.actor.user) < Role.WRITE:
        raise ForbiddenError("Must have push access to Repository.")
    proposal = Proposal(
        title=read_title(call, ""),
        body=read_body(call, None),
        head_repo=head_repo,
        head=head,
        base=call.body.text("base"),
        draft=bool(call.body.maybe_flag("draft")),
        maintainer_can_modify=bool(call.body.maybe_flag("maintainer_can_modify")),
    )
    issue = open_pull(call.forge, call.repo, call.actor.account.id, proposal)
    shown = _shown(call, issue)
    return created(shown, location=str(shown["url"]))


@area("GET", _ONE, "pulls/get", needs="pull_requests:read")
def get(call: Call) -> Answer:
    """One pull request; as diff or patch by the Accept header."""
    issue, pull = found_pull(call)
    span = comparison(call.git, issue, pull)
    match call.accept:
        case "diff":
            return text(unified(call.git, span.start, span.head), DIFF)
        case "patch":
            return text(mailbox(call.git, span.start, span.head), PATCH)
        case _:
            return ok(full(call.view, call.repo, issue, pull, call.accept))


@area(
    "PATCH",
    _ONE,
    "pulls/update",
    needs="pull_requests:write",
    role=Role.READ,
    login=True,
)
def update(call: Call) -> Answer:
    """Change title, text, state or base: its author, or who may write."""
    issue, pull = found_pull(call)
    if issue.author_id != call.actor.account.id and not call.may(_WRITE):
        raise ForbiddenError("Must have admin rights to Repository.")
    title, body = read_title(call, issue.title), read_body(call, issue.body)
    state = call.body.choice("state", ("open", "closed"), issue.state)
    modify = call.body.maybe_flag("maintainer_can_modify")
    base = call.body.maybe_text("base") or pull.base_ref
    with call.forge.ref_lock(call.repo.id), call.forge.store.write() as tx:
        edit_text(act_on(call.forge, tx, issue, call.actor.account.id), title, body)
        act = act_on(call.forge, tx, issue, call.actor.account.id)
        if modify is not None:
            tx.update("pull", pull.id, maintainer_can_modify=modify)
        if base != pull.base_ref:
            move_base(call.forge, act, pull, base)
        if state == "closed":
            close(act)
        elif issue.state == "closed":
            reopen_pull(call.forge, call.repo, act, pull)
    return ok(_shown(call, issue))


@area("GET", f"{_ONE}/files", "pulls/list-files", needs="pull_requests:read")
def list_files(call: Call) -> Answer:
    """The changed files with their patches."""
    view = call.view
    span = comparison(call.git, *found_pull(call))
    page = page_of(call, changed_files(call.git, span.start, span.head)[:MOST_FILES])
    return page.answer(lambda file: diff_entry(view, call.repo, span.head, file))


@area("GET", f"{_ONE}/commits", "pulls/list-commits", needs="pull_requests:read")
def list_commits(call: Call) -> Answer:
    """The proposed commits, oldest first; at most 250."""
    view = call.view
    span = comparison(call.git, *found_pull(call))
    walk = Walk(include=(span.head,), exclude=(span.base,))
    page = page_of(call, oldest_first(call.git, walk)[:MOST_COMMITS])
    return page.answer(lambda item: render_commit(view, call.repo, item))


@area("GET", f"{_ONE}/merge", "pulls/check-if-merged", needs="pull_requests:read")
def check_if_merged(call: Call) -> Answer:
    """204 when it is merged, else 404."""
    if found_pull(call)[1].merged_at is None:
        raise NotFoundError
    return no_content()


@area("PUT", f"{_ONE}/merge", "pulls/merge", needs="contents:write")
def merge_pull(call: Call) -> Answer:
    """Merge, squash or rebase; `sha` is where the head must be."""
    issue, _ = found_pull(call)
    method = call.body.choice("merge_method", _METHODS, "merge")
    wish = Wish(
        method=next(known for known in _METHODS if known == method),
        wording=Wording(
            title=call.body.maybe_text("commit_title"), message=call.body.maybe_text("commit_message")
        ),
        sha=call.body.maybe_text("sha"),
    )
    sha = merge(call.forge, call.repo, issue, call.actor, wish)
    return ok({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


@area(
    "PUT",
    f"{_ONE}/update-branch",
    "pulls/update-branch",
    needs="pull_requests:write",
)
def update_head(call: Call) -> Answer:
    """Merge the base branch into the head branch."""
    issue, _ = found_pull(call)
    update_branch(call.forge, issue, call.actor, call.body.maybe_text("expected_head_sha"))
    url = f"{call.urls.repo(call.view.full_name(call.repo))}/pulls/{issue.number}"
    return ok({"message": "Updating pull request branch.", "url": url}, status=202)


@area(
    "GET",
    "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    "repos/list-pull-requests-associated-with-commit",
    needs="pull_requests:read",
)
def associated(call: Call) -> Answer:
    """The pull requests that brought or propose a commit."""
    view = call.view
    sha = refnames.commit_sha(call.git, call.params["commit_sha"])
    if sha is None:
        raise InvalidError(f"No commit found for SHA: {call.params['commit_sha']}")
    rows = call.db.all(Pull, "SELECT * FROM pull WHERE repo_id = ? ORDER BY id", call.repo.id)
    found = [pull for pull in rows if sha == pull.merge_commit_sha or _contains(call, pull, sha)]
    return page_of(call, found).answer(
        lambda pull: simple(view, call.repo, issues.by_id(call.db, pull.issue_id), pull)
    )


def found_pull(call: Call) -> tuple[Issue, Pull]:
    """The pull request of the path; 404 when there is none."""
    pull = pulls.by_number(call.db, call.repo.id, call.number("pull_number"))
    if pull is None:
        raise NotFoundError
    return issues.by_id(call.db, pull.issue_id), pull


def _contains(call: Call, pull: Pull, sha: str) -> bool:
    if pull.head_sha == sha:
        return True
    issue = issues.by_id(call.db, pull.issue_id)
    span = comparison(call.git, issue, pull)
    return any(
        item.sha == sha for item in oldest_first(call.git, Walk(include=(span.head,), exclude=(span.base,)))
    )


def _asked_for(call: Call) -> Conditions:
    where = Conditions()
    where.add("pull.repo_id = ?", call.repo.id)
    state = call.query.choice("state", ("open", "closed", "all"), "open")
    if state != "all":
        where.add("issue.state = ?", state)
    if base := call.query.get("base"):
        where.add("pull.base_ref = ?", base)
    owner, colon, branch = (call.query.get("head") or "").partition(":")
    if colon:
        where.add(
            "pull.head_ref = ? AND pull.head_owner_id IN (SELECT id FROM account WHERE login = ?)",
            branch,
            owner,
        )
    return where


def _head(call: Call) -> tuple[Repository, str]:
    """The repository and branch that `head` (`branch` or `owner:branch`) and `head_repo` name; 422 otherwise."""
    owner, colon, branch = call.body.text("head").partition(":")
    if not colon:
        return call.repo, owner
    account = accounts.by_login(call.db, owner)
    if account is None:
        raise field_error("PullRequest", "head")
    if account.id == call.repo.owner_id and "head_repo" not in call.body:
        return call.repo, branch
    named = (call.body.maybe_text("head_repo") or "").rpartition("/")[2].casefold()
    network = in_network(call.db, call.repo, account.id)
    forks = [repo for repo in network if named in {"", repo.name.casefold()}]
    if not forks:
        raise field_error("PullRequest", "head")
    return forks[0], branch


def _shown(call: Call, issue: Issue) -> dict[str, Json]:
    return full(call.view, call.repo, *proposed(call.db, issue), call.accept)
