"""The git side of a new repository: its directory, its commits and branches, written without a process for each.

Nobody else knows the repository yet, so nothing is locked, and nothing is synced before all of them are there.
"""

import hashlib
import shutil
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localforge.git import refnames
from localforge.git.directory import GitDir, find
from localforge.git.objects import Ident
from localforge.seeding.model import Branch

EXECUTABLE, PLAIN, LINK = "100755", "100644", "120000"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"

# Path to (mode, sha of the blob).
Files = Mapping[str, tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class Ground:
    """A bare repository in the making. `sizes`: bytes of the blobs it knows; `written`: of what it put on disk."""

    path: Path
    sizes: dict[str, int] = field(default_factory=dict)
    written: int = 0

    def prepare(self, default_branch: str) -> None:
        """The empty repository, as `git init --bare` makes it; what a killed process left under its name goes."""
        shutil.rmtree(self.path, ignore_errors=True)
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (self.path / folder).mkdir(parents=True)
        (self.path / "config").write_text(_CONFIG)
        self.point_head(default_branch)

    def point_head(self, branch: str) -> None:
        """Make a branch the default one."""
        (self.path / "HEAD").write_text(f"ref: {refnames.BRANCH}{branch}\n")

    def set_branch(self, branch: str, sha: str) -> None:
        """Point a branch at a commit."""
        path = self.path / refnames.BRANCH / branch
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{sha}\n")

    def fetch(self, clone: Path) -> None:
        """Everything that a clone has: branches, tags, heads of pull requests."""
        source = find(clone)
        refs = ("refs/heads/*", "refs/tags/*", "refs/pull/*/head")
        GitDir(self.path).run(
            "-c",
            "fetch.fsckObjects=false",
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            str(source.path),
            *(f"+{name}:{name}" for name in refs),
        )

    def tip(self, branch: str) -> str:
        """The commit at the head of a branch that was fetched."""
        return GitDir(self.path).text("rev-parse", "--verify", refnames.BRANCH + branch)

    def files_of(self, branch: str) -> Files:
        """What a branch that was fetched holds."""
        listing = GitDir(self.path).run("ls-tree", "-r", "-l", "-z", refnames.BRANCH + branch)
        files = {}
        for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            facts, _, name = line.partition("\t")
            mode, _, sha, size = facts.split()
            files[name] = (mode, sha)
            self.sizes[sha] = int(size) if size.isdigit() else 0
        return files

    def inline(self, texts: Mapping[str, str]) -> Files:
        """Blobs from a description; a script is executable."""
        return {
            name: (EXECUTABLE if text.startswith("#!") else PLAIN, self._blob(text.encode()))
            for name, text in texts.items()
        }

    def folder(self, root: Path) -> Files:
        """Blobs from a folder, without any `.git` in it; links are taken as links."""
        files = {}
        for path in sorted(root.rglob("*")):
            relative = path.relative_to(root)
            if ".git" in relative.parts or (path.is_dir() and not path.is_symlink()):
                continue
            if path.is_symlink():
                files[relative.as_posix()] = (LINK, self._blob(str(path.readlink()).encode()))
            else:
                mode = EXECUTABLE if path.stat().st_mode & 0o100 else PLAIN
                files[relative.as_posix()] = (mode, self._blob(path.read_bytes()))
        return files

    def commit(self, files: Files, message: str, who: Ident, parents: Iterable[str] = ()) -> str:
        """A commit of these files."""
        lines = [f"tree {self._tree(files)}", *(f"parent {sha}" for sha in parents)]
        lines += [f"author {who.line()}", f"committer {who.line()}", "", message.rstrip("\n") + "\n"]
        return self._write("commit", "\n".join(lines).encode())

    def branch_off(self, branch: Branch, files: Files, tip: str, who: Ident) -> tuple[Files, str]:
        """The files and the commit of a described branch that begins at `tip`."""
        changed = dict(files)
        for name, text in branch.files.items():
            if text is None:
                changed.pop(name, None)
            else:
                changed |= self.inline({name: text})
        return changed, self.commit(changed, branch.message, who, (tip,)) if branch.files else tip

    def _blob(self, content: bytes) -> str:
        sha = self._write("blob", content)
        self.sizes[sha] = len(content)
        return sha

    def _tree(self, files: Files) -> str:
        entries: dict[str, tuple[str, str]] = {}
        below: dict[str, dict[str, tuple[str, str]]] = {}
        for name, leaf in files.items():
            head, _, rest = name.partition("/")
            if rest:
                below.setdefault(head, {})[rest] = leaf
            else:
                entries[head] = leaf
        entries |= {name: ("40000", self._tree(deeper)) for name, deeper in below.items()}
        encoded = sorted(
            (name.encode("utf-8", "surrogateescape") + (b"/" if mode == "40000" else b""), mode, sha)
            for name, (mode, sha) in entries.items()
        )
        parts = (
            mode.encode() + b" " + name.rstrip(b"/") + b"\0" + bytes.fromhex(sha)
            for name, mode, sha in encoded
        )
        return self._write("tree", b"".join(parts))

    def _write(self, kind: str, data: bytes) -> str:
        stored = f"{kind} {len(data)}".encode() + b"\0" + data
        sha = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
        path = self.path / "objects" / sha[:2] / sha[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            self.written += path.write_bytes(zlib.compress(stored, 1))
            path.chmod(0o444)
        return sha
