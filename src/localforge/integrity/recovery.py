"""At the start: what an earlier process left open is settled, and after a kill git's own remains are cleared away."""

import os
from pathlib import Path

from localforge.forge import Forge
from localforge.git import refnames
from localforge.pulls.testmerge import head_ref, known, merge_ref, publish
from localforge.refs import recover
from localforge.store import issues, pulls, repos


def mend(forge: Forge, *, killed: bool) -> None:
    """Settle the journal. `killed`: the process before did not end by itself, and its git processes perhaps neither."""
    if killed:
        for path in stale_locks(forge):
            path.unlink(missing_ok=True)
    recover(forge)
    if killed:
        _republish(forge)


def stale_locks(forge: Forge) -> list[Path]:
    """Lock files of refs: whose git process is gone, and which would refuse every later move."""
    return [lock for folder in repository_folders(forge) for lock in locks(folder)]


def repository_folders(forge: Forge) -> list[Path]:
    """The git directories that there are, whether or not a row knows them."""
    with os.scandir(forge.state / "git") as entries:
        return sorted(Path(entry) for entry in entries if entry.name.endswith(".git"))


def locks(git_path: Path) -> list[Path]:
    """Lock files in one git directory: beside HEAD and beside its refs."""
    found = [git_path / name for name in os.listdir(git_path) if name.endswith(".lock")]  # noqa: PTH208 (of thousands)
    for folder, _, names in os.walk(git_path / "refs"):
        found += [Path(folder) / name for name in names if name.endswith(".lock")]
    return found


def published(git_path: Path) -> list[int]:
    """The numbers of the pull requests that have refs; nothing packs these."""
    folder = git_path / "refs" / "pull"
    return sorted(int(path.name) for path in folder.iterdir()) if folder.exists() else []


def _republish(forge: Forge) -> None:
    """`refs/pull` is written before the transaction that it belongs to is committed: make it say what was."""
    for path in repository_folders(forge):
        repo = repos.by_id(forge.store.db, int(path.stem))
        for number in published(path) if repo else ():
            _republish_one(forge, int(path.stem), number)


def _republish_one(forge: Forge, repo_id: int, number: int) -> None:
    git, db = forge.git(repo_id), forge.store.db
    pull = pulls.by_number(db, repo_id, number)
    if pull is None:
        unknown = [name for name in (head_ref(number), merge_ref(number)) if refnames.ref(git, name)]
        git.run("update-ref", "--stdin", stdin="".join(f"delete {name}\n" for name in unknown).encode())
        return
    head = refnames.ref(git, head_ref(number))
    if head is None or head.sha != pull.head_sha:
        base = refnames.branch_sha(git, pull.base_ref)
        test = known(db, pull, base) if base and issues.by_id(db, pull.issue_id).state == "open" else None
        if test:
            publish(git, number, test)
        else:
            git.run("update-ref", head_ref(number), pull.head_sha)
