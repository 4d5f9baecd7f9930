"""Making and removing repositories: the row and the bare git directory together."""

import shutil
from pathlib import Path

from localforge.errors import FieldError, InvalidError
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir, GitError, find
from localforge.git.statistics import languages, size_kb
from localforge.json_types import Json
from localforge.store import repos
from localforge.store.accounts import Account
from localforge.store.repos import Repository

DEFAULT_BRANCH = "main"

# The switches of `repos/update` and their defaults; a repository's row holds those that differ.
SWITCHES: dict[str, bool] = {
    "has_issues": True,
    "has_projects": True,
    "has_wiki": True,
    "has_downloads": True,
    "has_discussions": False,
    "has_pull_requests": True,
    "is_template": False,
    "allow_forking": True,
    "allow_squash_merge": True,
    "allow_merge_commit": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
    "use_squash_pr_title_as_default": False,
    "web_commit_signoff_required": False,
}
CHOICES: dict[str, tuple[str, ...]] = {
    "squash_merge_commit_title": ("COMMIT_OR_PR_TITLE", "PR_TITLE"),
    "squash_merge_commit_message": ("COMMIT_MESSAGES", "PR_BODY", "BLANK"),
    "merge_commit_title": ("MERGE_MESSAGE", "PR_TITLE"),
    "merge_commit_message": ("PR_TITLE", "PR_BODY", "BLANK"),
}
MERGE_SETTINGS = (
    "allow_squash_merge",
    "allow_merge_commit",
    "allow_rebase_merge",
    "allow_auto_merge",
    "allow_update_branch",
    "delete_branch_on_merge",
    "use_squash_pr_title_as_default",
    *CHOICES,
)
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def setting(repo: Repository, name: str) -> Json:
    """A switch (bool) or choice (str) of the repository; its default where nobody set it."""
    default = SWITCHES[name] if name in SWITCHES else CHOICES[name][0]
    return repo.settings.get(name, default)


def check_name(name: str) -> str:
    """A repository's name as GitHub takes it; 422 otherwise."""
    if (
        not set(name) <= _NAME_CHARACTERS
        or name in {"", ".", ".."}
        or len(name) > 100
        or name.endswith(".git")
    ):
        raise InvalidError(
            "Repository creation failed.",
            errors=(
                FieldError(
                    resource="Repository",
                    field="name",
                    code="custom",
                    message="name can only contain ASCII letters, digits, and the characters ., -, and _",
                ),
            ),
        )
    return name


def create(
    forge: Forge,
    owner: Account,
    name: str,
    *,
    private: bool = False,
    default_branch: str = DEFAULT_BRANCH,
    columns: dict[str, Json] | None = None,
) -> Repository:
    """A new, empty repository; 422 when the owner has one of that name. `columns`: more of its row."""
    check_name(name)
    with forge.store.write() as tx:
        if repos.by_name(tx, owner.login, name):
            raise InvalidError(
                "Repository creation failed.",
                errors=(
                    FieldError(
                        resource="Repository",
                        field="name",
                        code="custom",
                        message="name already exists on this account",
                    ),
                ),
            )
        at = forge.clock()
        tx.execute("DELETE FROM repository_alias WHERE owner_id = ? AND name = ?", owner.id, name)
        repo_id = tx.insert(
            "repository",
            owner_id=owner.id,
            name=name,
            private=private,
            created_at=at,
            updated_at=at,
            pushed_at=at,
            **(columns or {}),
        )
        # A process killed before its commit may have left a directory under this id.
        shutil.rmtree(forge.git_path(repo_id), ignore_errors=True)
        GitDir(forge.git_path(repo_id)).create(default_branch)
        return _present(repos.by_id(tx, repo_id))


def delete(forge: Forge, repo: Repository) -> None:
    """Remove the row, with everything that hangs on it, then the git directory."""
    with forge.ref_lock(repo.id):
        with forge.store.write() as tx:
            tx.execute("DELETE FROM repository WHERE id = ?", repo.id)
        forge.forget(repo.id)
        shutil.rmtree(forge.git_path(repo.id), ignore_errors=True)


def import_clone(forge: Forge, repo: Repository, clone: Path) -> Repository:
    """Copy branches, tags and default branch of a local clone, which is only read. ValueError: not a clone."""
    try:
        return copy(forge, repo, find(clone))
    except GitError as error:
        raise ValueError(f"{clone} cannot be read as a git clone: {error.stderr}") from error


def copy(forge: Forge, repo: Repository, source: GitDir, *, default_branch_only: bool = False) -> Repository:
    """Copy branches, tags and default branch of another git directory. GitError when it cannot be read."""
    git = forge.git(repo.id)
    branch = source.text("symbolic-ref", "--short", "HEAD")
    branches = f"refs/heads/{branch}" if default_branch_only else "refs/heads/*"
    if refnames.refs(source, refnames.BRANCH):
        # What GitHub would refuse to take by push (zero-padded modes of old, say) is no reason to refuse one's own.
        git.run(
            "-c",
            "fetch.fsckObjects=false",
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            str(source.path),
            f"+{branches}:{branches}",
            "+refs/tags/*:refs/tags/*",
        )
    git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    with forge.store.write() as tx:
        tx.update("repository", repo.id, languages=languages(git), size_kb=size_kb(git))
        return _present(repos.by_id(tx, repo.id))


def _present(repo: Repository | None) -> Repository:
    if repo is None:
        raise LookupError("the repository was deleted meanwhile")
    return repo
