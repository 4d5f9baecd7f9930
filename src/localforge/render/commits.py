"""Commits, changed files and refs."""

from collections.abc import Sequence

from localforge.git.diff import FileChange
from localforge.git.objects import Commit, Ident
from localforge.git.refnames import Ref
from localforge.json_types import Json
from localforge.render.accounts import simple_user
from localforge.render.view import View
from localforge.store.accounts import Account
from localforge.store.repos import Repository
from localforge.urls import node_id, quoted

NOREPLY = "users.noreply.localhost"


def ident_of(account: Account, seconds: int) -> Ident:
    """The account as author or committer."""
    email = account.email or f"{account.id}+{account.login}@{NOREPLY}"
    return Ident(name=account.name or account.login, email=email, seconds=seconds)


def account_of(view: View, ident: Ident) -> Account | None:
    """The account that an author's or committer's address belongs to."""
    local, _, domain = ident.email.partition("@")
    if domain == NOREPLY:
        return view.db.one(Account, "SELECT * FROM account WHERE login = ?", local.rpartition("+")[2])
    return view.db.one(Account, "SELECT * FROM account WHERE email = ? COLLATE NOCASE", ident.email)


def commit_node_id(repo: Repository, sha: str) -> str:
    """The commit's global id."""
    return node_id("C", repo.id, sha)


def commit(view: View, repo: Repository, item: Commit) -> dict[str, Json]:
    """`commit`, without stats and files."""
    url = view.urls.repo(view.full_name(repo))
    return {
        "sha": item.sha,
        "node_id": commit_node_id(repo, item.sha),
        "commit": {
            "author": _ident(item.author),
            "committer": _ident(item.committer),
            "message": message(item),
            "tree": {"sha": item.tree, "url": f"{url}/git/trees/{item.tree}"},
            "url": f"{url}/git/commits/{item.sha}",
            "comment_count": 0,
            "verification": verification(item),
        },
        "url": f"{url}/commits/{item.sha}",
        "html_url": _page(view, repo, item.sha),
        "comments_url": f"{url}/commits/{item.sha}/comments",
        "author": _account(view, item.author),
        "committer": _account(view, item.committer),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": _page(view, repo, sha)}
            for sha in item.parents
        ],
    }


def commit_with_files(
    view: View, repo: Repository, item: Commit, files: Sequence[FileChange]
) -> dict[str, Json]:
    """`commit` with `stats` and `files`."""
    additions, deletions = sum(file.additions for file in files), sum(file.deletions for file in files)
    return {
        **commit(view, repo, item),
        "stats": {"total": additions + deletions, "additions": additions, "deletions": deletions},
        "files": [diff_entry(view, repo, item.sha, file) for file in files],
    }


def git_commit(view: View, repo: Repository, item: Commit) -> dict[str, Json]:
    """`git-commit`: the git object alone."""
    url = f"{view.urls.repo(view.full_name(repo))}/git"
    return {
        "sha": item.sha,
        "node_id": commit_node_id(repo, item.sha),
        "url": f"{url}/commits/{item.sha}",
        "html_url": _page(view, repo, item.sha),
        "author": _ident(item.author),
        "committer": _ident(item.committer),
        "tree": {"sha": item.tree, "url": f"{url}/trees/{item.tree}"},
        "message": message(item),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": _page(view, repo, sha)}
            for sha in item.parents
        ],
        "verification": verification(item),
    }


def diff_entry(view: View, repo: Repository, sha: str, file: FileChange) -> dict[str, Json]:
    """`diff-entry`: one changed file, at the commit `sha`."""
    name = view.full_name(repo)
    path = quoted(file.path)
    optional = {"patch": file.patch, "previous_filename": file.old_path}
    return {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{view.urls.page(name)}/blob/{sha}/{path}",
        "raw_url": f"{view.urls.page(name)}/raw/{sha}/{path}",
        "contents_url": f"{view.urls.repo(name)}/contents/{path}?ref={sha}",
        **{key: value for key, value in optional.items() if value is not None},
    }


def git_ref(view: View, repo: Repository, ref: Ref) -> dict[str, Json]:
    """`git-ref`."""
    url = f"{view.urls.repo(view.full_name(repo))}/git"
    return {
        "ref": ref.name,
        "node_id": node_id("REF", repo.id, ref.name[:200]),
        "url": f"{url}/{quoted(ref.name)}",
        "object": {"sha": ref.sha, "type": ref.kind, "url": f"{url}/{ref.kind}s/{ref.sha}"},
    }


def message(item: Commit) -> str:
    """The commit's message as GitHub shows it, without the last line's end."""
    return item.message.removesuffix("\n")


def verification(item: Commit) -> dict[str, Json]:
    """What is known of the commit's signature; the forge holds no keys, so none is ever verified."""
    return {
        "verified": False,
        "reason": "unsigned" if item.signature is None else "unknown_key",
        "signature": item.signature,
        "payload": item.payload,
        "verified_at": None,
    }


def _ident(ident: Ident) -> dict[str, Json]:
    return {"name": ident.name, "email": ident.email, "date": ident.date}


def _account(view: View, ident: Ident) -> dict[str, Json] | None:
    account = account_of(view, ident)
    return simple_user(view.urls, account) if account else None


def _page(view: View, repo: Repository, sha: str) -> str:
    return view.urls.page(view.full_name(repo), "commit", sha)
