"""`Repositories` on bare mirrors, one per repository, named by what does not change when it is renamed."""

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from penstock.adapters.git.capture import CaptureLimits, capture_tree
from penstock.adapters.git.checkout import write_files
from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.diff import changes, patch_text
from penstock.adapters.git.facts import diff_facts
from penstock.adapters.git.objects import (
    Entry,
    blobs,
    clashes,
    files_at,
    folders_of,
    paths_at,
    read_tree,
    write_tree,
)
from penstock.adapters.git.remote import Credential, fetch
from penstock.adapters.git.undoing import is_undone
from penstock.core.evidence import DiffFacts, FileMode
from penstock.core.refs import RepoRef, Sha
from penstock.core.secrets import BUILT_IN
from penstock.core.text import made_visible
from penstock.core.write import TreeEdit
from penstock.ports import Permanent, Secrets, Transient

MAX_PATCH_BYTES = 4 << 20


class Mirrors:
    """Implements `Repositories` below one folder.

    `network` is the proxy and certificate variables that a fetch may see (`https_proxy`, `GIT_SSL_CAINFO`, …).
    """

    def __init__(
        self,
        root: Path,
        credential: Credential,
        *,
        network: Mapping[str, str] | None = None,
        limits: CaptureLimits | None = None,
        secrets: Secrets = BUILT_IN,
    ) -> None:
        self._root = root
        self._credential = credential
        self._environment = trusted_environment(network)
        self._limits = limits or CaptureLimits()
        self._secrets = secrets
        root.mkdir(parents=True, exist_ok=True)

    def path_of(self, repo: RepoRef) -> Path:
        """Where the mirror is, or will be."""
        name = re.sub(r"[^A-Za-z0-9-]", "_", repo.node_id)[:60]
        identity = hashlib.sha256(f"{repo.forge}\0{repo.node_id}".encode()).hexdigest()
        return self._root / f"{name}-{identity[:16]}.git"

    def sync(self, repo: RepoRef, clone_url: str, refs: Sequence[str]) -> None:
        path = self.path_of(repo)
        with _disk():
            if not path.exists():
                create(path, self._environment)
            fetch(self._git(repo), clone_url, refs, self._credential)

    def tree_of(self, repo: RepoRef, commit: Sha) -> Sha:
        ended = self._git(repo).end("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
        if ended.code:
            raise Permanent(
                "no_object", f"the mirror of {repo.full_name} has no commit {commit}; sync it first"
            )
        return Sha(ended.output.decode().strip())

    def files(self, repo: RepoRef, commit: Sha, paths: Sequence[str]) -> Mapping[str, bytes]:
        return files_at(self._git(repo), commit, paths)

    def paths(self, repo: RepoRef, commit: Sha) -> tuple[str, ...]:
        return paths_at(self._git(repo), commit)

    def checkout(self, repo: RepoRef, commit: Sha, into: Path) -> None:
        git = self._git(repo)
        with _disk():
            write_files(git, read_tree(git, commit), into)

    def capture(self, repo: RepoRef, base: Sha, folder: Path) -> Sha:
        git = self._git(repo)
        with _disk():
            return capture_tree(git, read_tree(git, base), folder, self._limits)

    def facts(self, repo: RepoRef, base: Sha, tree: Sha) -> DiffFacts:
        return diff_facts(self._git(repo), base, tree, self._secrets)

    def patch(self, repo: RepoRef, base: Sha, tree: Sha) -> str:
        whole = patch_text(self._git(repo), base, tree)
        text = made_visible(whole[:MAX_PATCH_BYTES].decode(errors="replace"))
        left_out = len(whole) - MAX_PATCH_BYTES
        return text if left_out <= 0 else f"{text}\n… {left_out} more bytes are left out of this text\n"

    def edits(self, repo: RepoRef, from_tree: Sha, to_tree: Sha) -> tuple[TreeEdit, ...]:
        return tuple(
            TreeEdit(path=change.path, mode=change.new_mode, sha=change.new_sha)
            for change in changes(self._git(repo), from_tree, to_tree)
        )

    def blob(self, repo: RepoRef, sha: Sha) -> bytes:
        return next(content for _, content in blobs(self._git(repo), (sha,)))

    def merge_tree(self, repo: RepoRef, base: Sha, head: Sha) -> Sha | None:
        ended = self._git(repo).end("merge-tree", "--write-tree", "--no-messages", base, head)
        if ended.code not in {0, 1} or not ended.output:
            raise Permanent("git_failed", f"git merge-tree in {repo.full_name}: {ended.complaint}")
        return Sha(ended.output.decode().strip()) if ended.code == 0 else None

    def inverse_tree(self, repo: RepoRef, onto: Sha, base: Sha, tree: Sha) -> Sha | None:
        git = self._git(repo)
        entries = dict(read_tree(git, onto))
        touched = changes(git, base, tree)
        for change in touched:
            now = entries.pop(change.raw, None)
            if (now and now.sha, now.mode if now else FileMode.ABSENT) != (change.new_sha, change.new_mode):
                return None
        folders = folders_of(entries)
        back = {c.raw: Entry(mode=c.old_mode, sha=c.old_sha) for c in touched if c.old_sha}
        if any(clashes(path, entries, folders) for path in back):
            return None
        return write_tree(git, {**entries, **back})

    def is_undone(self, repo: RepoRef, onto: Sha, before: Sha, after: Sha) -> bool:
        return is_undone(self._git(repo), *(self.tree_of(repo, commit) for commit in (onto, before, after)))

    def _git(self, repo: RepoRef) -> Git:
        path = self.path_of(repo)
        if not path.exists():
            raise Permanent("not_synced", f"there is no mirror of {repo.full_name} yet; sync it first")
        return Git(directory=path, environment=self._environment)


def create(path: Path, environment: Mapping[str, str]) -> Git:
    """A new bare repository, complete when it appears under its name, even when two make it at once."""
    with tempfile.TemporaryDirectory(prefix="new-", dir=path.parent) as place:
        fresh = Git(directory=Path(place) / "bare", environment=environment)
        fresh.directory.mkdir()
        fresh.run("init", "--bare", "--quiet", "--template=", "--initial-branch=none")
        try:
            fresh.directory.rename(path)
        except OSError:
            if not (path / "HEAD").exists():
                raise
    return Git(directory=path, environment=environment)


@contextmanager
def _disk() -> Iterator[None]:
    """A full or failing disk may be better later; nothing was kept half."""
    try:
        yield
    except OSError as error:
        raise Transient("disk", f"the disk refuses: {error.strerror} ({error.filename})") from error
