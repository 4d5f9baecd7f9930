"""A person's own clone or folder as a bare repository, for `penstock try`; the original is only read.

No git command runs that would act on the original's configuration: of a clone, git is asked where HEAD and the
objects are, and a repository of ours then takes the objects as data.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.adapters.git.capture import CaptureLimits, capture_tree
from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.mirrors import create
from penstock.core.refs import Sha
from penstock.ports import Permanent, PortError

COPY_SECONDS = 900
NAME_CHARACTERS = 90
_ONE_COMMIT = "Source as it was given to penstock try\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A copy of a clone or folder: a bare repository with one branch, which its HEAD names. `name` is fit for a forge."""

    origin: Path
    bare: Path
    name: str
    branch: str
    commit: Sha
    history: bool
    """Does the branch have the original's history; else it is one commit of its files."""


def import_sources(scratch: Path, sources: Sequence[Path]) -> Iterator[Imported]:
    """Copies of clones or folders below `scratch`, each there only until the next is asked for."""
    for source in sources:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            yield import_source(source, Path(folder) / "source.git")


def import_source(source: Path, into: Path) -> Imported:
    """Copy the HEAD commit of a clone with its history, or a folder's files as one commit, to a new bare `into`.

    Uncommitted work in a clone is left out. Raises Permanent with what a person can do about it.
    """
    source = source.resolve()
    if not source.is_dir():
        raise Permanent(
            "no_source", f"{source} is not a folder. Name a git clone or a folder with source code."
        )
    git = create(into, trusted_environment())
    try:
        return _import_into(git, source)
    except PortError:
        shutil.rmtree(into)
        raise


def _import_into(git: Git, source: Path) -> Imported:
    theirs = _repository_of(source)
    if theirs:
        branch, commit, history = _from_clone(git, source, theirs)
    else:
        branch, commit, history = "main", _one_commit(git, _tree_of_folder(git, source), source), False
    git.run("update-ref", f"refs/heads/{branch}", commit)
    git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    if theirs:
        _make_whole(git, source)
    return Imported(
        origin=source,
        bare=git.directory,
        name=_name(source),
        branch=branch,
        commit=commit,
        history=history,
    )


def _repository_of(source: Path) -> Path | None:
    """Where a clone keeps what git knows: below it, or in it where it is bare; None for a plain folder."""
    if (source / ".git").exists():
        return source / ".git"
    bare = (source / "HEAD").is_file() and (source / "objects").is_dir() and (source / "refs").is_dir()
    return source if bare else None


def _from_clone(git: Git, source: Path, repository: Path) -> tuple[str, Sha, bool]:
    theirs = Git(directory=repository, environment=git.environment)
    head = theirs.end("rev-parse", "--verify", "--quiet", "HEAD")
    if head.code:
        reason = head.complaint or "it has no commit yet"
        raise Permanent(
            "no_commit", f"{source} has no HEAD commit to take ({reason}). Commit something there first."
        )
    objects = theirs.run("rev-parse", "--path-format=absolute", "--git-path", "objects").decode().rstrip("\n")
    (git.directory / "objects/info/alternates").write_text(f"{objects}\n")
    full_name = theirs.run("rev-parse", "--symbolic-full-name", "HEAD").decode().strip()
    branch = full_name.removeprefix("refs/heads/") if full_name.startswith("refs/heads/") else "main"
    commit = Sha(head.output.decode().strip())
    if theirs.run("rev-parse", "--is-shallow-repository").strip() == b"true":
        return branch, _one_commit(git, Sha(f"{commit}^{{tree}}"), source), False
    return branch, commit, True


def _make_whole(git: Git, source: Path) -> None:
    """Copy every object that the branch needs, then forget where they came from."""
    packed = git.end("-c", "repack.writeBitmaps=false", "repack", "-a", "-d", "-q", seconds=COPY_SECONDS)
    if packed.code:
        raise Permanent(
            "incomplete_clone",
            f"{source} lacks objects of its HEAD ({packed.complaint.splitlines()[-1]}). "
            "It may be a partial clone: clone it in full and try again.",
        )
    (git.directory / "objects/info/alternates").unlink()


def _tree_of_folder(git: Git, source: Path) -> Sha:
    try:
        tree = capture_tree(git, {}, source, CaptureLimits())
    except Permanent as error:
        raise Permanent(error.code, f"{source} cannot be taken as it is: {error}") from error
    if not git.run("ls-tree", tree):
        raise Permanent("no_source", f"{source} has no files.")
    return tree


def _one_commit(git: Git, tree: Sha, source: Path) -> Sha:
    """Dated by the folder, so that importing it again gives the same commit."""
    when = f"{int(source.stat().st_mtime)} +0000"
    who = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER") for part, text in _who(when)}
    made = git.with_environment(**who).run("commit-tree", tree, stdin=_ONE_COMMIT.encode())
    return Sha(made.decode().strip())


def _who(when: str) -> tuple[tuple[str, str], ...]:
    return (("NAME", "Penstock"), ("EMAIL", "penstock@localhost"), ("DATE", when))


def _name(source: Path) -> str:
    """A repository name as GitHub takes it: letters, digits, `.`, `-` and `_`, and not too many."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", source.name.removesuffix(".git"))
    return name[:NAME_CHARACTERS].strip("-.") or "source"
