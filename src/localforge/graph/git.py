"""Fields of refs, commits, trees, blobs and tags."""

from localforge.git import objects, refnames
from localforge.git.history import Walk, count, newest_first
from localforge.git.objects import Commit, Ident, TreeEntry
from localforge.graph.fields import Ask, Connection, Fields, connect, connect_from
from localforge.graph.nodes import CommitNode, ObjectNode, Person, RefNode, Repo, git_object, pull_node
from localforge.graph.repositories import page, protection_rule
from localforge.pulls.comparison import compare
from localforge.render.commits import account_of, commit_node_id
from localforge.render.markdown import to_html
from localforge.store import repos
from localforge.store.pulls import Pull
from localforge.urls import node_id

fields = Fields()

LARGEST_TEXT = 512_000


def git_actor(ask: Ask, ident: Ident) -> dict[str, object]:
    """`GitActor`."""
    account = account_of(ask.view, ident)
    return {
        "name": ident.name,
        "email": ident.email,
        "date": ident.date,
        "user": Person(account=account) if account else None,
        "avatarUrl": ask.view.urls.page("avatars", account.id if account else 0),
    }


def headline(commit: Commit) -> str:
    """The first line of the message."""
    return commit.message.partition("\n")[0]


def _body(commit: Commit) -> str:
    return commit.message.partition("\n")[2].strip()


@fields("Commit", "history")
def _history(node: CommitNode, ask: Ask) -> Connection:
    git = ask.view.forge.git(node.repo.id)
    walk = Walk(
        include=(node.commit.sha,),
        path=ask.args.maybe_text("path"),
        since=ask.args.maybe_text("since"),
        until=ask.args.maybe_text("until"),
    )
    return connect_from(
        ask,
        count(git, walk),
        lambda limit, offset: newest_first(git, walk, limit, offset),
        lambda commit: CommitNode(repo=node.repo, commit=commit),
    )


@fields("Commit", "parents")
def _parents(node: CommitNode, ask: Ask) -> Connection:
    return connect(ask, node.commit.parents, lambda sha: git_object(ask.view, node.repo, sha))


@fields("Commit", "associatedPullRequests")
def _pulls(node: CommitNode, ask: Ask) -> Connection:
    rows = ask.db.all(
        Pull,
        "SELECT * FROM pull WHERE repo_id = ?1 AND (head_sha = ?2 OR merge_commit_sha = ?2) ORDER BY id",
        node.repo.id,
        node.commit.sha,
    )
    return connect(ask, rows, lambda row: pull_node(ask.view, node.repo, row.id))


@fields("Commit", "tree")
def _tree(node: CommitNode, _ask: Ask) -> ObjectNode:
    return ObjectNode(repo=node.repo, kind="tree", oid=node.commit.tree, size=0)


def _changes(node: CommitNode, ask: Ask) -> tuple[int, int, int]:
    base = node.commit.parents[0] if node.commit.parents else objects.EMPTY_TREE
    git = ask.view.forge.git(node.repo.id)
    if base == objects.EMPTY_TREE:
        listing = git.text("diff-tree", "--root", "--no-commit-id", "-r", "--numstat", node.commit.sha)
        rows = [line.split("\t") for line in listing.splitlines()]
        added = sum(int(row[0]) for row in rows if row[0] != "-")
        return len(rows), added, 0
    found = compare(git, base, node.commit.sha)
    return found.files, found.additions, found.deletions


fields.of(
    "Commit",
    CommitNode,
    {
        "id": lambda node, _ask: commit_node_id(node.repo, node.commit.sha),
        "oid": lambda node, _ask: node.commit.sha,
        "abbreviatedOid": lambda node, _ask: node.commit.sha[:7],
        "message": lambda node, _ask: node.commit.message.rstrip("\n"),
        "messageHeadline": lambda node, _ask: headline(node.commit),
        "messageHeadlineHTML": lambda node, _ask: to_html(headline(node.commit)),
        "messageBody": lambda node, _ask: _body(node.commit),
        "messageBodyHTML": lambda node, _ask: to_html(_body(node.commit)),
        "author": lambda node, ask: git_actor(ask, node.commit.author),
        "committer": lambda node, ask: git_actor(ask, node.commit.committer),
        "authors": lambda node, ask: connect(ask, (node.commit.author,), lambda who: git_actor(ask, who)),
        "authoredByCommitter": lambda node, _ask: node.commit.author.email == node.commit.committer.email,
        "authoredDate": lambda node, _ask: node.commit.author.date,
        "committedDate": lambda node, _ask: node.commit.committer.date,
        "pushedDate": lambda _node, _ask: None,
        "committedViaWeb": lambda node, _ask: node.commit.committer.name == "GitHub",
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "url": lambda node, ask: page(ask, node.repo, "commit", node.commit.sha),
        "commitUrl": lambda node, ask: page(ask, node.repo, "commit", node.commit.sha),
        "resourcePath": lambda node, ask: f"/{ask.view.full_name(node.repo)}/commit/{node.commit.sha}",
        "treeUrl": lambda node, ask: page(ask, node.repo, "tree", node.commit.sha),
        "additions": lambda node, ask: _changes(node, ask)[1],
        "deletions": lambda node, ask: _changes(node, ask)[2],
        "changedFiles": lambda node, ask: _changes(node, ask)[0],
        "changedFilesIfAvailable": lambda node, ask: _changes(node, ask)[0],
        "signature": lambda _node, _ask: None,
        "onBehalfOf": lambda _node, _ask: None,
    },
)
for _kind in ("Blob", "Tree", "Tag"):
    fields.of(
        _kind,
        ObjectNode,
        {
            "id": lambda node, _ask: node_id(node.kind[0].upper(), node.repo.id, node.oid),
            "oid": lambda node, _ask: node.oid,
            "abbreviatedOid": lambda node, _ask: node.oid[:7],
            "repository": lambda node, _ask: Repo(repo=node.repo),
            "commitUrl": lambda node, ask: page(ask, node.repo, "commit", node.oid),
        },
    )


def _data(node: ObjectNode, ask: Ask) -> bytes:
    found = ask.view.forge.git(node.repo.id).object(node.oid)
    return found.data if found else b""


def _binary(node: ObjectNode, ask: Ask) -> bool:
    return b"\0" in _data(node, ask)[:8000]


@fields("Blob", "text")
def _text(node: ObjectNode, ask: Ask) -> str | None:
    """The file's text; None for a binary one. What is longer than half a megabyte is cut off, as on GitHub."""
    if _binary(node, ask):
        return None
    return _data(node, ask)[:LARGEST_TEXT].decode("utf-8", "replace")


fields.of(
    "Blob",
    ObjectNode,
    {
        "byteSize": lambda node, _ask: node.size,
        "isBinary": _binary,
        "isTruncated": lambda node, _ask: node.size > LARGEST_TEXT,
    },
)


@fields("Tree", "entries")
def _entries(node: ObjectNode, ask: Ask) -> list[dict[str, object]]:
    git = ask.view.forge.git(node.repo.id)
    return [_entry(ask, node, entry) for entry in objects.tree(git, node.oid) or ()]


def _entry(ask: Ask, node: ObjectNode, entry: TreeEntry) -> dict[str, object]:
    found = ask.view.forge.git(node.repo.id).info(entry.sha) if entry.kind != "commit" else None
    size = found[2] if found else 0
    return {
        "name": entry.name,
        "path": entry.name,
        "mode": int(entry.mode, 8),
        "type": entry.kind,
        "oid": entry.sha,
        "size": size if entry.kind == "blob" else 0,
        "extension": f".{entry.name.rpartition('.')[2]}" if "." in entry.name else "",
        "isGenerated": False,
        "repository": Repo(repo=node.repo),
        "object": ObjectNode(repo=node.repo, kind=entry.kind, oid=entry.sha, size=size) if found else None,
        "submodule": None,
    }


@fields("Tag", "target")
def _tag_target(node: ObjectNode, ask: Ask) -> object:
    tag = objects.tag(ask.view.forge.git(node.repo.id), node.oid)
    return git_object(ask.view, node.repo, tag.object) if tag else None


@fields("Tag", "name")
def _tag_name(node: ObjectNode, ask: Ask) -> str:
    tag = objects.tag(ask.view.forge.git(node.repo.id), node.oid)
    return tag.name if tag else ""


@fields("Tag", "message")
def _tag_message(node: ObjectNode, ask: Ask) -> str | None:
    tag = objects.tag(ask.view.forge.git(node.repo.id), node.oid)
    return tag.message if tag else None


@fields("Tag", "tagger")
def _tagger(node: ObjectNode, ask: Ask) -> dict[str, object] | None:
    tag = objects.tag(ask.view.forge.git(node.repo.id), node.oid)
    return git_actor(ask, tag.tagger) if tag and tag.tagger else None


@fields("Ref", "associatedPullRequests")
def _of_ref(node: RefNode, ask: Ask) -> Connection:
    rows = ask.db.all(
        Pull,
        "SELECT * FROM pull WHERE repo_id = ? AND head_ref = ? ORDER BY id",
        node.repo.id,
        node.ref.name.removeprefix(refnames.BRANCH),
    )
    found = [pull_node(ask.view, node.repo, row.id) for row in rows]
    states = ask.args.texts("states")
    kept = [pull for pull in found if not states or _state(pull.pull, pull.issue.state) in states]
    return connect(ask, kept, lambda pull: pull)


def _state(pull: Pull, state: str) -> str:
    return "MERGED" if pull.merged_at else state.upper()


def _protection(node: RefNode, ask: Ask) -> dict[str, object] | None:
    branch = node.ref.name.removeprefix(refnames.BRANCH)
    row = repos.protection_of(ask.db, node.repo.id, branch) if branch != node.ref.name else None
    return protection_rule(node.repo, row) if row else None


fields.of(
    "Ref",
    RefNode,
    {
        "id": lambda node, _ask: node_id("REF", node.repo.id, node.ref.name[:200]),
        "name": lambda node, _ask: node.ref.name.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG),
        "prefix": lambda node, _ask: "/".join(node.ref.name.split("/")[:2]) + "/",
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "target": lambda node, ask: git_object(ask.view, node.repo, node.ref.sha),
        "branchProtectionRule": _protection,
    },
)
