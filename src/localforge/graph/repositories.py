"""Fields of repositories."""

from collections.abc import Callable, Sequence

from localforge.access import Role, can_see, role_on
from localforge.git import refnames
from localforge.graph.fields import Ask, Connection, Fields, QueryError, connect, connect_from
from localforge.graph.nodes import (
    IssueNode,
    LabelNode,
    MilestoneNode,
    Person,
    RefNode,
    Repo,
    git_object,
    issue_node,
)
from localforge.issues.listing import Conditions, assigned, labelled
from localforge.issues.people import assignable
from localforge.protection import rules_of
from localforge.render.markdown import to_html
from localforge.render.repository import repo_node_id
from localforge.repositories import setting
from localforge.store import issues, repos
from localforge.store.issues import Issue, Milestone
from localforge.store.repos import Protection, Repository
from localforge.urls import node_id

fields = Fields()

_ORDERS = {"CREATED_AT": "issue.created_at", "UPDATED_AT": "issue.updated_at", "COMMENTS": "issue.comments"}
_STATES = {
    "OPEN": "issue.state = 'open'",
    "CLOSED": "issue.state = 'closed' AND (pull.merged_at IS NULL)",
    "MERGED": "pull.merged_at IS NOT NULL",
}


def viewer_role(ask: Ask, repo: Repository) -> Role:
    """What the viewer may do."""
    return role_on(ask.db, repo, ask.view.actor.user)


def page(ask: Ask, repo: Repository, *parts: str | int) -> str:
    """A web address below the repository's."""
    return ask.view.urls.page(ask.view.full_name(repo), *parts)


def issues_where(ask: Ask, repo: Repository, *, pulls: bool) -> Conditions:
    """The filters of `issues` and `pullRequests`."""
    where, args = Conditions(), ask.args
    where.add("issue.repo_id = ?", repo.id)
    where.add("issue.is_pull = ?", int(pulls))
    states = args.texts("states")
    if states:
        where.add(f"({' OR '.join(f'({_STATES[state]})' for state in states)})")
    for name in args.texts("labels") or ():
        where.add(*labelled(name))
    for name, column in (("baseRefName", "pull.base_ref"), ("headRefName", "pull.head_ref")):
        value = args.maybe_text(name)
        if value is not None:
            where.add(f"{column} = ?", value)
    chosen = args.object("filterBy")
    if chosen:
        if login := chosen.maybe_text("createdBy"):
            where.add("issue.author_id IN (SELECT id FROM account WHERE login = ?)", login)
        if login := chosen.maybe_text("assignee"):
            where.add(*assigned(login))
        if since := chosen.maybe_text("since"):
            where.add("issue.updated_at >= ?", since)
        for name in chosen.texts("labels") or ():
            where.add(*labelled(name))
    return where


def issues_of(ask: Ask, repo: Repository, *, pulls: bool) -> Connection:
    """A window of the repository's issues or pull requests."""
    where = issues_where(ask, repo, pulls=pulls)
    order = ask.args.object("orderBy")
    column = _ORDERS[order.text("field")] if order else "issue.created_at"
    direction = order.text("direction") if order else "ASC"
    source = f"FROM issue LEFT JOIN pull ON pull.issue_id = issue.id WHERE {where.sql}"

    def fetch(limit: int, offset: int) -> Sequence[Issue]:
        sql = f"SELECT issue.* {source} ORDER BY {column} {direction}, issue.id {direction} LIMIT ? OFFSET ?"
        return ask.db.all(Issue, sql, *where.args, limit, offset)

    total = ask.db.count(f"SELECT count(*) {source}", *where.args)
    return connect_from(ask, total, fetch, lambda issue: issue_node(ask.view, repo, issue))


def one_issue(kind: str) -> Callable[[Repo, Ask], IssueNode]:
    """`issue(number)`, `pullRequest(number)`, `issueOrPullRequest(number)`; NOT_FOUND otherwise."""
    words = {"issue": "an Issue", "pull": "a PullRequest", "either": "an issue or pull request"}[kind]

    def find(node: Repo, ask: Ask) -> IssueNode:
        number = ask.args.number("number")
        issue = issues.by_number(ask.db, node.repo.id, number)
        if issue is None or (kind != "either" and issue.is_pull != (kind == "pull")):
            raise QueryError(f"Could not resolve to {words} with the number of {number}.", "NOT_FOUND")
        return issue_node(ask.view, node.repo, issue)

    return find


def find_repository(ask: Ask, owner: str, name: str) -> Repo:
    """A repository by its present or (unless told otherwise) former name; NOT_FOUND when it is hidden."""
    repo = repos.by_name(ask.db, owner, name)
    if repo is None and ask.args.maybe_flag("followRenames") is not False:
        repo = repos.by_old_name(ask.db, owner, name)
    if repo is None or not can_see(ask.db, ask.view.actor, repo):
        raise QueryError(f"Could not resolve to a Repository with the name '{owner}/{name}'.", "NOT_FOUND")
    return Repo(repo=repo)


def ref_node(ask: Ask, repo: Repository, name: str) -> RefNode | None:
    """The ref of this full name."""
    found = refnames.ref(ask.view.forge.git(repo.id), name)
    return RefNode(repo=repo, ref=found) if found else None


@fields("Repository", "ref")
def _ref(node: Repo, ask: Ask) -> RefNode | None:
    name = ask.args.text("qualifiedName")
    prefixes = ("",) if name.startswith("refs/") else (refnames.BRANCH, refnames.TAG)
    found = (ref_node(ask, node.repo, prefix + name) for prefix in prefixes)
    return next((ref for ref in found if ref), None)


@fields("Repository", "refs")
def _refs(node: Repo, ask: Ask) -> Connection:
    prefix, query = ask.args.text("refPrefix"), (ask.args.maybe_text("query") or "").casefold()
    found = refnames.refs(ask.view.forge.git(node.repo.id), prefix if prefix.endswith("/") else f"{prefix}/")
    kept = [ref for ref in found if query in ref.name.casefold()]
    order = ask.args.object("orderBy")
    if ask.args.maybe_text("direction") == "DESC" or (order and order.text("direction") == "DESC"):
        kept.reverse()
    return connect(ask, kept, lambda ref: RefNode(repo=node.repo, ref=ref))


@fields("Repository", "defaultBranchRef")
def _default_branch(node: Repo, ask: Ask) -> RefNode | None:
    branch = ask.view.forge.default_branch(node.repo.id)
    return ref_node(ask, node.repo, refnames.BRANCH + branch)


@fields("Repository", "object")
def _object(node: Repo, ask: Ask) -> object:
    """By `oid` or by `expression`: a revision, or a revision and a path (`HEAD:docs/a.md`)."""
    oid = ask.args.maybe_text("oid")
    if oid:
        return git_object(ask.view, node.repo, oid) if refnames.SHA.fullmatch(oid) else None
    revision, colon, path = (ask.args.maybe_text("expression") or "").partition(":")
    sha = refnames.commit_sha(ask.view.forge.git(node.repo.id), revision or "HEAD")
    if sha is None:
        return None
    return git_object(ask.view, node.repo, f"{sha}:{path}" if colon else sha)


@fields("Repository", "label")
def _label(node: Repo, ask: Ask) -> LabelNode | None:
    label = issues.label_named(ask.db, node.repo.id, ask.args.text("name"))
    return LabelNode(repo=node.repo, label=label) if label else None


@fields("Repository", "labels")
def _labels(node: Repo, ask: Ask) -> Connection:
    query = (ask.args.maybe_text("query") or "").casefold()
    found = [label for label in issues.labels_of_repo(ask.db, node.repo.id) if query in label.name.casefold()]
    order = ask.args.object("orderBy")
    if order and order.text("field") == "NAME":
        found.sort(key=lambda label: label.name.casefold())
    if order and order.text("direction") == "DESC":
        found.reverse()
    return connect(ask, found, lambda label: LabelNode(repo=node.repo, label=label))


@fields("Repository", "milestones")
def _milestones(node: Repo, ask: Ask) -> Connection:
    rows = ask.db.all(Milestone, "SELECT * FROM milestone WHERE repo_id = ? ORDER BY number", node.repo.id)
    states = ask.args.texts("states")
    found = [row for row in rows if not states or row.state.upper() in states]
    return connect(ask, found, lambda row: MilestoneNode(repo=node.repo, milestone=row))


@fields("Repository", "milestone")
def _milestone(node: Repo, ask: Ask) -> MilestoneNode | None:
    row = issues.milestone_numbered(ask.db, node.repo.id, ask.args.number("number"))
    return MilestoneNode(repo=node.repo, milestone=row) if row else None


@fields("Repository", "languages")
def _languages(node: Repo, ask: Ask) -> Connection:
    sizes = node.repo.languages
    return connect(ask, list(sizes), _language, totalSize=sum(sizes.values()))


@fields("Repository", "parent")
def _parent(node: Repo, ask: Ask) -> Repo | None:
    parent = repos.by_id(ask.db, node.repo.parent_id) if node.repo.parent_id else None
    return Repo(repo=parent) if parent and can_see(ask.db, ask.view.actor, parent) else None


@fields("Repository", "forks")
def _forks(node: Repo, ask: Ask) -> Connection:
    rows = ask.db.all(Repository, "SELECT * FROM repository WHERE parent_id = ? ORDER BY id", node.repo.id)
    found = [row for row in rows if can_see(ask.db, ask.view.actor, row)]
    return connect(ask, found, lambda row: Repo(repo=row))


@fields("Repository", "branchProtectionRules")
def _protections(node: Repo, ask: Ask) -> Connection:
    rows = ask.db.all(Protection, "SELECT * FROM protection WHERE repo_id = ? ORDER BY id", node.repo.id)
    return connect(ask, rows, lambda row: protection_rule(node.repo, row))


def protection_rule(repo: Repository, row: Protection) -> dict[str, object]:
    """`BranchProtectionRule`."""
    rules = rules_of(row)
    checks, reviews = rules.checks, rules.reviews
    return {
        "id": node_id("BPR", repo.id, row.id),
        "databaseId": row.id,
        "pattern": row.branch,
        "repository": Repo(repo=repo),
        "allowsDeletions": rules.allow_deletions,
        "allowsForcePushes": rules.allow_force_pushes,
        "blocksCreations": rules.block_creations,
        "dismissesStaleReviews": bool(reviews and reviews.dismiss_stale),
        "isAdminEnforced": rules.enforce_admins,
        "lockAllowsFetchAndMerge": rules.allow_fork_syncing,
        "lockBranch": rules.lock_branch,
        "requireLastPushApproval": bool(reviews and reviews.last_push_approval),
        "requiredApprovingReviewCount": reviews.count if reviews else None,
        "requiredStatusCheckContexts": [check.context for check in checks.checks] if checks else [],
        "requiresApprovingReviews": reviews is not None,
        "requiresCodeOwnerReviews": bool(reviews and reviews.code_owners),
        "requiresCommitSignatures": False,
        "requiresConversationResolution": rules.conversation_resolution,
        "requiresDeployments": False,
        "requiresLinearHistory": rules.linear_history,
        "requiresStatusChecks": checks is not None,
        "requiresStrictStatusChecks": bool(checks and checks.strict),
        "restrictsPushes": rules.push_users is not None,
        "restrictsReviewDismissals": bool(reviews and reviews.dismissal_users is not None),
    }


def _language(name: str) -> dict[str, object]:
    return {"id": f"LANG_{name}", "name": name, "color": None}


def _topic(name: str) -> dict[str, object]:
    return {"id": f"RT_{name}", "topic": {"id": f"T_{name}", "name": name, "stargazerCount": 0}}


def _nothing(_node: Repo, ask: Ask) -> Connection:
    return connect(ask, (), lambda item: item)


def _permission(node: Repo, ask: Ask) -> str | None:
    role = viewer_role(ask, node.repo)
    return role.name if role > Role.NONE else None


def owner_of(ask: Ask, repo: Repository) -> Person:
    """The repository's owner."""
    return Person(account=ask.view.account(repo.owner_id))


def _empty(node: Repo, ask: Ask) -> bool:
    git = ask.view.forge.git(node.repo.id)
    return refnames.branch_sha(git, refnames.head_branch(git)) is None


fields.of(
    "Repository",
    Repo,
    {
        "id": lambda node, _ask: repo_node_id(node.repo),
        "databaseId": lambda node, _ask: node.repo.id,
        "name": lambda node, _ask: node.repo.name,
        "nameWithOwner": lambda node, ask: ask.view.full_name(node.repo),
        "owner": lambda node, ask: owner_of(ask, node.repo),
        "description": lambda node, _ask: node.repo.description,
        "descriptionHTML": lambda node, _ask: to_html(node.repo.description or ""),
        "homepageUrl": lambda node, _ask: node.repo.homepage,
        "url": lambda node, ask: page(ask, node.repo),
        "resourcePath": lambda node, ask: f"/{ask.view.full_name(node.repo)}",
        "sshUrl": lambda node, ask: f"git@{ask.view.urls.host}:{ask.view.full_name(node.repo)}.git",
        "createdAt": lambda node, _ask: node.repo.created_at,
        "updatedAt": lambda node, _ask: node.repo.updated_at,
        "pushedAt": lambda node, _ask: node.repo.pushed_at,
        "archivedAt": lambda node, _ask: node.repo.updated_at if node.repo.archived else None,
        "isArchived": lambda node, _ask: node.repo.archived,
        "isDisabled": lambda _node, _ask: False,
        "isEmpty": _empty,
        "isFork": lambda node, _ask: node.repo.parent_id is not None,
        "isInOrganization": lambda node, ask: owner_of(ask, node.repo).account.kind == "Organization",
        "isLocked": lambda _node, _ask: False,
        "isMirror": lambda _node, _ask: False,
        "isPrivate": lambda node, _ask: node.repo.private,
        "isTemplate": lambda node, _ask: setting(node.repo, "is_template"),
        "visibility": lambda node, _ask: "PRIVATE" if node.repo.private else "PUBLIC",
        "diskUsage": lambda node, _ask: node.repo.size_kb,
        "forkCount": lambda node, ask: ask.db.count(
            "SELECT count(*) FROM repository WHERE parent_id = ?", node.repo.id
        ),
        "stargazerCount": lambda _node, _ask: 0,
        "hasIssuesEnabled": lambda node, _ask: setting(node.repo, "has_issues"),
        "hasProjectsEnabled": lambda node, _ask: setting(node.repo, "has_projects"),
        "hasWikiEnabled": lambda node, _ask: setting(node.repo, "has_wiki"),
        "hasDiscussionsEnabled": lambda node, _ask: setting(node.repo, "has_discussions"),
        "hasVulnerabilityAlertsEnabled": lambda _node, _ask: False,
        "forkingAllowed": lambda node, _ask: setting(node.repo, "allow_forking"),
        "allowUpdateBranch": lambda node, _ask: setting(node.repo, "allow_update_branch"),
        "autoMergeAllowed": lambda node, _ask: setting(node.repo, "allow_auto_merge"),
        "deleteBranchOnMerge": lambda node, _ask: setting(node.repo, "delete_branch_on_merge"),
        "mergeCommitAllowed": lambda node, _ask: setting(node.repo, "allow_merge_commit"),
        "squashMergeAllowed": lambda node, _ask: setting(node.repo, "allow_squash_merge"),
        "rebaseMergeAllowed": lambda node, _ask: setting(node.repo, "allow_rebase_merge"),
        "mergeCommitTitle": lambda node, _ask: setting(node.repo, "merge_commit_title"),
        "mergeCommitMessage": lambda node, _ask: setting(node.repo, "merge_commit_message"),
        "squashMergeCommitTitle": lambda node, _ask: setting(node.repo, "squash_merge_commit_title"),
        "squashMergeCommitMessage": lambda node, _ask: setting(node.repo, "squash_merge_commit_message"),
        "webCommitSignoffRequired": lambda node, _ask: setting(node.repo, "web_commit_signoff_required"),
        "primaryLanguage": lambda node, _ask: next(map(_language, node.repo.languages), None),
        "repositoryTopics": lambda node, ask: connect(ask, node.repo.topics, _topic),
        "issue": one_issue("issue"),
        "pullRequest": one_issue("pull"),
        "issueOrPullRequest": one_issue("either"),
        "issues": lambda node, ask: issues_of(ask, node.repo, pulls=False),
        "pullRequests": lambda node, ask: issues_of(ask, node.repo, pulls=True),
        "assignableUsers": lambda node, ask: connect(
            ask, assignable(ask.db, node.repo), lambda person: Person(account=person)
        ),
        "mentionableUsers": lambda node, ask: connect(
            ask, assignable(ask.db, node.repo), lambda person: Person(account=person)
        ),
        "viewerPermission": _permission,
        "viewerCanAdminister": lambda node, ask: viewer_role(ask, node.repo) is Role.ADMIN,
        "viewerHasStarred": lambda _node, _ask: False,
        "viewerDefaultMergeMethod": lambda _node, _ask: "MERGE",
        # What this forge has none of.
        "codeOfConduct": lambda _node, _ask: None,
        "licenseInfo": lambda _node, _ask: None,
        "mergeQueue": lambda _node, _ask: None,
        "mirrorUrl": lambda _node, _ask: None,
        "projectsV2": _nothing,
        "vulnerabilityAlerts": _nothing,
        "templateRepository": lambda _node, _ask: None,
    },
)
