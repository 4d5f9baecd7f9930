"""What policy asks about a changed file, read from the contents on both sides."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice

from penstock.adapters.git.command import Git
from penstock.adapters.git.dependencies import dependency_pairs
from penstock.adapters.git.diff import Changed, changes, patch_digest
from penstock.adapters.git.objects import blobs, folders_of, read_tree
from penstock.adapters.git.syntax import problem_of
from penstock.core.evidence import Declared, DiffFacts, FileFact, FileMode, Hazard
from penstock.core.lookalikes import disguised
from penstock.core.policy.hazards import hazards
from penstock.core.policy.tools import declared
from penstock.core.policy.weakening import Lines, weakened
from penstock.core.proposal import folded
from penstock.core.refs import Sha
from penstock.core.secrets import Finding
from penstock.core.text import has_hidden
from penstock.ports import Secrets

SHOWN = 3
"""How many places of one file are named."""
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})


def diff_facts(git: Git, base: Sha, tree: Sha, secrets: Secrets) -> DiffFacts:
    """The facts of the difference between a commit's tree and a tree."""
    changed = changes(git, base, tree)
    before = _contents(git, changed, _old_blob)
    after = _contents(git, changed, _new_blob)
    return DiffFacts(
        base_commit=base,
        tree=tree,
        files=tuple(_fact(*parts, secrets) for parts in zip(changed, before, after, strict=True)),
        patch_digest=patch_digest(git, base, tree, changed),
        collisions=_collisions(git, base, tree) if any(c.old_sha is None for c in changed) else (),
        dependencies=dependency_pairs(git, base, tree, changed),
    )


def _collisions(git: Git, base: Sha, tree: Sha) -> tuple[tuple[str, str], ...]:
    """Only those of new names: what was there before is not this patch's doing."""
    names = _names(git, tree)
    spellings: dict[str, list[str]] = {}
    for name in sorted(names):
        spellings.setdefault(folded(name), []).append(name)
    new = sorted(names - _names(git, base))
    return tuple((name, other) for name in new for other in spellings[folded(name)] if other != name)


def _names(git: Git, tree: Sha) -> frozenset[str]:
    """Of all files and folders, from the root."""
    files = read_tree(git, tree).keys()
    return frozenset(name.decode(errors="replace") for name in (*files, *folders_of(files)))


def _old_blob(change: Changed) -> Sha | None:
    return None if change.old_mode is FileMode.SUBMODULE else change.old_sha


def _new_blob(change: Changed) -> Sha | None:
    return None if change.new_mode is FileMode.SUBMODULE else change.new_sha


def _contents(
    git: Git, changed: tuple[Changed, ...], side: Callable[[Changed], Sha | None]
) -> Iterator[bytes | None]:
    """One side's content of each change, None where it has none; one at a time is in memory."""
    shas = [side(change) for change in changed]
    found = blobs(git, (sha for sha in shas if sha))
    for sha in shas:
        yield next(found)[1] if sha else None


def _fact(change: Changed, old: bytes | None, new: bytes | None, secrets: Secrets) -> FileFact:
    added = list(_added_lines(old or b"", new or b""))
    return FileFact(
        path=change.path,
        status=change.status,
        old_mode=change.old_mode,
        new_mode=change.new_mode,
        old_sha=change.old_sha,
        new_sha=change.new_sha,
        additions=change.additions,
        deletions=change.deletions,
        binary=change.binary,
        hidden_characters=_hides(change, added),
        disguised=_disguises(change, added),
        weakened=_weakened(change, added, old or b"", new or b""),
        unparsable=_unparsable(change, old, new),
        secrets=(*_in_name(change, secrets), *_in_lines(new or b"", added, secrets)),
        hazards=_hazards(change, added),
        tools=_newly_declared(change, old, new),
    )


def _hazards(change: Changed, added: list[tuple[int, str]]) -> tuple[Hazard, ...]:
    """A binary file's lines are none; that it is one is a fact of its own."""
    return () if change.binary else hazards(change.path, [(number + 1, text) for number, text in added])


def _newly_declared(change: Changed, old: bytes | None, new: bytes | None) -> tuple[Declared, ...]:
    before = declared(change.path, old)
    return tuple(one for one in declared(change.path, new) if one not in before)


def _in_name(change: Changed, secrets: Secrets) -> Iterator[Finding]:
    if change.old_mode is FileMode.ABSENT:
        yield from (replace(found, first=0, last=0) for found in secrets.find(change.path))


def _in_lines(new: bytes, added: list[tuple[int, str]], secrets: Secrets) -> Iterator[Finding]:
    """The whole content is looked through: a key is many lines, and what makes it one may be a single added line."""
    if not added:
        return
    numbers = [number + 1 for number, _ in added]
    for found in secrets.find(new.decode(errors="replace")):
        at = bisect_left(numbers, found.first)
        if at < len(numbers) and numbers[at] <= found.last:
            yield found


def _added_lines(old: bytes, new: bytes) -> Iterator[tuple[int, str]]:
    """Number (from 0) and text of the lines that `new` has and `old` has not, or not as often; moving adds none."""
    left = Counter(old.split(b"\n"))
    for number, line in enumerate(new.split(b"\n")):
        left[line] -= 1
        if left[line] < 0:
            yield number, line.decode(errors="replace")


def _hides(change: Changed, added: list[tuple[int, str]]) -> bool:
    """In an added line of text, or in a new name."""
    if change.old_sha is None and not change.path.isprintable():
        return True
    return not change.binary and any(has_hidden(line, first=number == 0) for number, line in added)


def _disguises(change: Changed, added: list[tuple[int, str]]) -> tuple[str, ...]:
    found = (f"line {number + 1}: {what}" for number, line in added if (what := disguised(line)))
    name = disguised(change.path) if change.old_sha is None else ""
    return tuple(islice(chain((f"name: {name}",) if name else (), () if change.binary else found), SHOWN))


def _weakened(change: Changed, added: list[tuple[int, str]], old: bytes, new: bytes) -> tuple[str, ...]:
    """By the lines that came and went, numbered from 1."""
    if change.binary:
        return ()
    sides = (added, _added_lines(new, old))
    after, before = ([(number + 1, text) for number, text in side] for side in sides)
    return weakened(change.path, Lines(added=after, removed=before), deleted=change.new_sha is None)


def _unparsable(change: Changed, old: bytes | None, new: bytes | None) -> str | None:
    """A file that did not parse before (a template, a test's bad example) is not what its name says."""
    if new is None or change.new_mode not in _FILES:
        return None
    problem = problem_of(change.path, new)
    if problem and old and problem_of(change.path, old):
        return None
    return problem
