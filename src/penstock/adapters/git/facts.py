"""What policy asks about a changed file, read from the contents on both sides."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from penstock.adapters.git.asking import Objects, objects
from penstock.adapters.git.collisions import collisions
from penstock.adapters.git.command import Git
from penstock.adapters.git.dependencies import dependency_pairs
from penstock.adapters.git.diff import Changed, compared
from penstock.adapters.git.lines import added_lines
from penstock.adapters.git.moves import Moves
from penstock.adapters.git.surface import Sources, surface_of
from penstock.adapters.git.syntax import newly_invalid
from penstock.adapters.git.workflows import Workflows
from penstock.core.evidence import Declared, DiffFacts, FileFact, FileMode, Hazard
from penstock.core.lookalikes import disguised
from penstock.core.policy.hazards import hazards
from penstock.core.policy.tools import declared
from penstock.core.policy.weakening import Lines, weakened
from penstock.core.refs import Sha
from penstock.core.secrets import Finding
from penstock.core.sources.kinds import language_named, line_ends_changed, origin_of
from penstock.core.sources.licences import UNRECOGNISED, is_licence_file, licence_of
from penstock.core.text import has_hidden
from penstock.ports import Secrets

SHOWN = 3
"""How many places of one file are named."""
LONGEST_LICENCE = 1 << 20
"""Bytes of a licence's text."""
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})


def diff_facts(git: Git, base: Sha, tree: Sha, secrets: Secrets) -> DiffFacts:
    """The facts of the difference between a commit's tree and a tree."""
    sources, workflows = Sources(), Workflows()
    with objects(git) as asked:
        changed, digest = compared(git, base, tree)
        added = [change.raw for change in changed if change.old_sha is None]
        parts, moves = _seen(_contents(asked, changed), (sources, workflows)), Moves()
        files = moves.told([_fact(part, secrets, moves) for part in parts])
        clashes = collisions(asked, base, tree, added) if added else ()
        dependencies = dependency_pairs(asked, base, tree, changed)
        own = licence_at(asked, base) if any(file.licence for file in files) else ""
        surface = surface_of(asked, (base, tree), sources)
    audit = workflows.audit()
    return DiffFacts(
        base_commit=base,
        tree=tree,
        files=files,
        patch_digest=digest,
        collisions=clashes,
        dependencies=dependencies,
        breaking=surface.breaking,
        unread=surface.unread,
        tangled=surface.tangled,
        workflows=audit.findings,
        unaudited=audit.unaudited,
        own_licence=own,
    )


_Parts = tuple[Changed, bytes | None, bytes | None]


def _seen(parts: Iterable[_Parts], collectors: tuple[Sources, Workflows]) -> Iterator[_Parts]:
    """The same, and what is to be looked at as a whole is kept aside."""
    for part in parts:
        for each in collectors:
            each.see(*part)
        yield part


def _blobs(change: Changed) -> tuple[Sha | None, Sha | None]:
    """What the path has on both sides, where that is a file's content."""
    old = None if change.old_mode is FileMode.SUBMODULE else change.old_sha
    new = None if change.new_mode is FileMode.SUBMODULE else change.new_sha
    return old, new


def _contents(asked: Objects, changed: tuple[Changed, ...]) -> Iterator[_Parts]:
    """Both contents of one path at a time are in memory."""
    contents = asked.contents(sha for change in changed for sha in _blobs(change) if sha)
    for change in changed:
        old, new = (next(contents) if sha else None for sha in _blobs(change))
        yield change, old, new


def _fact(part: _Parts, secrets: Secrets, moves: Moves) -> FileFact:
    change, old, new = part
    added = list(added_lines(old or b"", new or b""))
    removed = [] if change.binary else added_lines(new or b"", old or b"")
    moves.see(change.path, [] if change.binary else added, removed)
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
        weakened=_weakened(change, added, removed),
        unparsable=_unparsable(change, old, new),
        secrets=(*_in_name(change, secrets), *_in_lines(new or b"", added, secrets)),
        hazards=_hazards(change, added),
        tools=_newly_declared(change, old, new),
        size=len(new or b""),
        licence=_licence(change, new),
        language=language_named(change.path, (new if new is not None else old) or b""),
        origin=origin_of(change.path, (new if new is not None else old) or b""),
        line_ends="" if change.binary else line_ends_changed(old or b"", new or b""),
        moved=max(0, change.additions - len(added)),
    )


def _hazards(change: Changed, added: list[tuple[int, str]]) -> tuple[Hazard, ...]:
    """A binary file's lines are none; that it is one is a fact of its own."""
    return () if change.binary else hazards(change.path, [(number + 1, text) for number, text in added])


def _newly_declared(change: Changed, old: bytes | None, new: bytes | None) -> tuple[Declared, ...]:
    before = declared(change.path, old)
    return tuple(one for one in declared(change.path, new) if one not in before)


def _licence(change: Changed, new: bytes | None) -> str:
    """Of what is new: a file, or what a licence's text says now."""
    if new is None or change.binary or change.new_mode not in _FILES:
        return ""
    return licence_of(change.path, new) if change.old_sha is None or is_licence_file(change.path) else ""


def licence_at(asked: Objects, base: Sha) -> str:
    """What the licence's text in the root says; of several the first that is known."""
    root = asked.folder(asked.root(base))
    texts = {
        path: node.sha
        for path, node in ((name.decode(errors="replace"), node) for name, node in root.items())
        if node.mode in _FILES and is_licence_file(path)
    }
    sizes = zip(texts.items(), asked.sizes(texts.values()), strict=True)
    short = {path: sha for (path, sha), size in sizes if size <= LONGEST_LICENCE}
    contents = zip(short, asked.contents(short.values()), strict=True)
    found = [licence_of(path, content) for path, content in contents]
    return next((each for each in found if each != UNRECOGNISED), UNRECOGNISED if found else "")


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


def _hides(change: Changed, added: list[tuple[int, str]]) -> bool:
    """In an added line of text, or in a new name."""
    if change.old_sha is None and not change.path.isprintable():
        return True
    return not change.binary and any(has_hidden(line, first=number == 0) for number, line in added)


def _disguises(change: Changed, added: list[tuple[int, str]]) -> tuple[str, ...]:
    found = (f"line {number + 1}: {what}" for number, line in added if (what := disguised(line)))
    name = disguised(change.path) if change.old_sha is None else ""
    return tuple(islice(chain((f"name: {name}",) if name else (), () if change.binary else found), SHOWN))


def _weakened(
    change: Changed, added: list[tuple[int, str]], removed: list[tuple[int, str]]
) -> tuple[str, ...]:
    """By the lines that came and went, numbered from 1."""
    if change.binary:
        return ()
    after, before = ([(number + 1, text) for number, text in side] for side in (added, removed))
    return weakened(change.path, Lines(added=after, removed=before), deleted=change.new_sha is None)


def _unparsable(change: Changed, old: bytes | None, new: bytes | None) -> str | None:
    return newly_invalid(change.path, old, new) if new is not None and change.new_mode in _FILES else None
