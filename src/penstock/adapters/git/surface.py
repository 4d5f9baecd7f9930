"""What changed source files offer to others, on both sides: what breaks, what grew too tangled, what could not be told."""

import ast
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import PurePosixPath

from penstock.adapters.git.asking import Objects, Tree
from penstock.adapters.git.diff import Changed
from penstock.adapters.git.sources.apart import APART
from penstock.adapters.git.sources.questions import Answer, PackageQuestion, TextQuestion
from penstock.adapters.git.syntax import pythons
from penstock.core.evidence import FileMode
from penstock.core.policy.weakening import TESTS
from penstock.core.proposal import matches_any
from penstock.core.refs import Sha
from penstock.core.sources.api import Break, Language, Placed, Unread, breaks, language_of
from penstock.core.sources.complexity import Tangle, Tangled, grown, tangles
from penstock.core.sources.outline import (
    Outline,
    exported,
    imports_everything,
    outline,
    stays_inside,
)
from penstock.core.sources.pieces import Sides
from penstock.core.sources.statements import texts, words

MAX_BYTES = 512 << 10
MOST_BYTES = 4 << 20
MOST = 200
"""How long a source may be, how much of all is read, and how many files: of the others nothing can be told."""
SECONDS = 15.0
"""For all that is asked of the reading process about one patch set."""
MOST_TOLD = 200
"""Breaks, and functions, that are kept as facts."""
_EMPTY = ast.Module(body=[], type_ignores=[])
_FILES = frozenset({FileMode.FILE, FileMode.EXECUTABLE})
_NEVER = (
    *TESTS,
    *(
        "**/tests/**",
        "**/test/**",
        "**/vendor/**",
        "**/third_party/**",
        "**/node_modules/**",
        "**/fixtures/**",
    ),
    *("**/testdata/**", "**/migrations/**", "**/.*/**"),
    *("/docs/**", "/doc/**", "/examples/**", "/samples/**", "/scripts/**", "/tools/**", "/demo/**"),
    *("/benchmarks/**", "/bench/**", "/benches/**"),
    *("/setup.py", "/noxfile.py", "/tasks.py", "/fabfile.py", "/manage.py"),
    *("*.min.js", "*.config.[cm]js", "*.config.js", "*.config.ts", "*.stories.*"),
    *("build.rs", "**/src/main.rs", "**/src/bin/**"),
)
"""Source that nobody outside its repository calls."""
_INTERNAL = ("**/internal/**",)
"""Except in Python, where a leading underscore says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A changed file in a language that is read; None on a side where it is not a file, or not there."""

    path: str
    language: Language
    before: bytes | None
    after: bytes | None
    inside: bool = False
    """Nobody outside notices, where nothing is exported."""
    sides: Sides | None = None
    """In pieces, where it is Python and they can be told."""

    @property
    def offers(self) -> bool:
        """May somebody outside its repository call it."""
        never = _NEVER if self.language is Language.PYTHON else (*_NEVER, *_INTERNAL)
        return not matches_any(self.path, never)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What is to be said of all changed sources."""

    breaking: tuple[Break, ...] = ()
    unread: tuple[Unread, ...] = ()
    tangled: tuple[Tangled, ...] = ()


class Sources:
    """Collects what is to be read while contents pass by, within the bounds. Python is parsed at once, as its file is judged."""

    def __init__(self) -> None:
        self.others: list[Source] = []
        self.moved: list[Source] = []
        """Python sources of which others may notice that they differ."""
        self.tangled: list[Tangled] = []
        self.unread: list[Unread] = []
        self._count = self._bytes = 0

    def see(self, change: Changed, old: bytes | None, new: bytes | None) -> None:
        language = language_of(change.path)
        if language is None or change.binary:
            return
        before = old if change.old_mode in _FILES else None
        after = new if change.new_mode in _FILES else None
        sizes = [len(side) for side in (before, after) if side is not None]
        if why := self._why_not(sizes):
            self.unread.append(Unread(path=change.path, why=why))
        else:
            self._bytes += sum(sizes)
            self._count += 1
            self._keep(Source(path=change.path, language=language, before=before, after=after))

    def _keep(self, source: Source) -> None:
        if source.language is not Language.PYTHON:
            self.others.append(source)
            return
        sides = pythons(source.before, source.after)
        before, after = sides.before, sides.after
        if isinstance(before, str) or isinstance(after, str):
            problem = before if isinstance(before, str) else after
            self.unread.append(Unread(path=source.path, why=f"does not parse: {problem}"))
            return
        was, now = _Side.of(source.before, before), _Side.of(source.after, after)
        same = texts(was.module, was.lines) & texts(now.module, now.lines)
        self.tangled += grown(source.path, was.tangles(same), now.tangles(same))
        if source.offers:
            self._notice(replace(source, sides=sides.sides), (was, now), same)

    def _notice(self, source: Source, sides: tuple["_Side", "_Side"], same: frozenset[bytes]) -> None:
        try:
            was, now = (outline(side.module, side.lines, same) for side in sides)
        except RecursionError:  # what is nested too deeply for an outline needs the closer look
            self.moved.append(source)
            return
        if was != now or source.before is None or source.after is None:
            self.moved.append(replace(source, inside=_stays_inside(source, was, now)))

    def _why_not(self, sizes: list[int]) -> str:
        if max(sizes, default=0) > MAX_BYTES:
            return f"longer than {MAX_BYTES >> 10} KiB"
        if self._count >= MOST or self._bytes + sum(sizes) > MOST_BYTES:
            return f"more than {MOST} sources, or {MOST_BYTES >> 20} MiB of them"
        return ""


def surface_of(asked: Objects, sides: tuple[Sha, Sha], sources: Sources) -> Surface:
    """Total: what cannot be told is among the unread."""
    clock = _Clock()
    others = _others(sources.others, clock)
    broken, unsaid = _packages(asked, sides, sources.moved, clock)
    breaking = [*broken, *others.breaking]
    unread = [*sources.unread, *unsaid, *others.unread]
    if len(breaking) > MOST_TOLD:
        rest = len(breaking) - MOST_TOLD
        unread.append(
            Unread(path=breaking[MOST_TOLD].path, why=f"{rest} more breaks, here and in other files")
        )
    tangled = sorted((*sources.tangled, *others.tangled), key=lambda each: -each.ways)
    return Surface(
        breaking=tuple(breaking[:MOST_TOLD]), unread=tuple(unread), tangled=tuple(tangled[:MOST_TOLD])
    )


class _Clock:
    """How long the reading process may still take. What it is asked after the end is not asked."""

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS

    def ask(self, question: PackageQuestion | TextQuestion) -> Answer:
        left = self._end - time.monotonic()
        return APART.ask(question, left) if left > 0 else Answer(problem=f"not within {SECONDS:g} seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A source that was read on both sides."""

    source: Source
    before: Answer
    after: Answer


def _others(sources: Sequence[Source], clock: _Clock) -> Surface:
    read, unread = _both(sources, clock)
    offered = sorted((each for each in read if each.source.offers), key=_unit)
    found: list[Break] = []
    for (language, _), group in groupby(offered, key=_unit):
        files = list(group)
        before = (Placed(path=r.source.path, symbol=s) for r in files for s in r.before.symbols)
        after = (Placed(path=r.source.path, symbol=s) for r in files for s in r.after.symbols)
        found += breaks(before, after, exact=Language(language).is_exact)
    return Surface(
        breaking=tuple(found),
        unread=tuple(unread),
        tangled=tuple(
            tangled for r in read for tangled in grown(r.source.path, r.before.tangles, r.after.tangles)
        ),
    )


def _both(sources: Sequence[Source], clock: _Clock) -> tuple[list[_Read], list[Unread]]:
    read, unread = [], []
    for source in sources:
        before, after = (_answer(source, side, clock) for side in (source.before, source.after))
        if problem := before.problem or after.problem:
            unread.append(Unread(path=source.path, why=problem))
        else:
            read.append(_Read(source=source, before=before, after=after))
    return read, unread


def _answer(source: Source, side: bytes | None, clock: _Clock) -> Answer:
    if side is None:
        return Answer()
    try:
        text = side.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Answer(problem="not UTF-8")
    return clock.ask(TextQuestion(language=source.language, text=text))


def _unit(read: _Read) -> tuple[str, str]:
    """Of which others see one: a folder in Go, a package in Java, else a file, whatever its ending."""
    path, language = PurePosixPath(read.source.path), read.source.language
    match language:
        case Language.GO:
            return language, str(path.parent)
        case Language.JAVA:
            return language, read.after.unit or read.before.unit
        case Language.RUST:
            return language, str(path)
        case _:
            return Language.JAVASCRIPT, str(path.with_suffix(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A Python source as it is on one side."""

    module: ast.Module
    lines: list[bytes]

    @classmethod
    def of(cls, content: bytes | None, module: ast.Module | None) -> "_Side":
        return cls(module=module or _EMPTY, lines=(content or b"").splitlines())

    def tangles(self, same: frozenset[bytes]) -> tuple[Tangle, ...]:
        return tangles(self.module, self.lines, same)


def _packages(
    asked: Objects, sides: tuple[Sha, Sha], moved: Sequence[Source], clock: _Clock
) -> tuple[list[Break], list[Unread]]:
    """Each package is asked about once: what changed of it, and the `__init__` files above that."""
    if all(source.before is None for source in moved):
        return [], []
    inits = [_inits(asked, side, moved) for side in sides]
    packages: dict[PurePosixPath, list[Source]] = defaultdict(list)
    for source in moved:
        if PurePosixPath(source.path).stem.isidentifier():
            packages[_root(PurePosixPath(source.path), inits)].append(source)
    init_texts = [text for side in inits for text in side.values()]
    public = any(map(exported, init_texts))
    new = any(source.before is None for source in moved)
    named = frozenset[str]().union(*(words(text) for text in init_texts if new))
    broken: list[Break] = []
    unread: list[Unread] = []
    for root, sources in packages.items():
        if _may_break(sources, public=public, named=named):
            answer = _asked(root, sources, inits, clock)
            broken += (replace(each, path=(root.parent / each.path).as_posix()) for each in answer.breaks)
            if answer.problem:
                unread += (Unread(path=source.path, why=answer.problem) for source in sources)
    return broken, unread


def _stays_inside(source: Source, was: Outline, now: Outline) -> bool:
    path = PurePosixPath(source.path)
    if path.stem == "__init__" or source.after is None:
        return False
    if source.before is None:  # a new module, but a stub speaks for another
        return path.suffix == ".py"
    return stays_inside(
        was, now, source.sides.names if source.sides else (words(source.before), words(source.after))
    )


def _may_break(sources: Sequence[Source], *, public: bool, named: frozenset[str]) -> bool:
    """Is there anything of a package that could have broken. A new module hides a name that an `__init__` has for another thing.

    Of every `__init__` asked about: whether one makes anything `public`, and what may be `named` in them.
    """
    if not all(source.inside for source in sources):
        return any(source.before is not None for source in sources)
    own = (side for source in sources for side in (source.before, source.after) if side)
    new = {PurePosixPath(source.path).stem for source in sources if source.before is None}
    return public or any(map(exported, own)) or not new.isdisjoint(named)


def _inits(asked: Objects, side: Sha, sources: Iterable[Source]) -> Mapping[str, bytes]:
    """Those in the folders of sources and above that a tree has."""
    tree, found = Tree(asked, side), {}
    for folder in {folder for source in sources for folder in PurePosixPath(source.path).parents}:
        node = tree.at(folder.as_posix().encode()).get(b"__init__.py") if folder.name else None
        if node and node.mode in _FILES:
            found[(folder / "__init__.py").as_posix()] = node.sha
    contents = asked.contents(found.values())
    return {path: content for path, content in zip(found, contents, strict=True) if len(content) <= MAX_BYTES}


def _root(path: PurePosixPath, inits: Sequence[Mapping[str, bytes]]) -> PurePosixPath:
    """The package that a file is part of: the outermost folder of those above it with an `__init__`, or the file itself."""
    root = path
    for folder in path.parents:
        init = (folder / "__init__.py").as_posix()
        if not folder.name.isidentifier() or not any(init in side for side in inits):
            break
        root = folder
    return root


def _asked(
    root: PurePosixPath, sources: Sequence[Source], inits: Sequence[Mapping[str, bytes]], clock: _Clock
) -> Answer:
    """Breaks have paths from the folder that the package is in."""
    told = dict(zip((source.path for source in sources), trimmed(sources), strict=True))
    sides = (
        {**_below(root, init), **{path: both[n] for path, both in told.items()}}
        for n, init in enumerate(inits)
    )
    try:
        before, after = (
            {
                PurePosixPath(path).relative_to(root.parent).as_posix(): content.decode("utf-8-sig")
                for path, content in side.items()
                if content is not None
            }
            for side in sides
        )
    except UnicodeDecodeError:
        return Answer(problem="not UTF-8")
    return clock.ask(PackageQuestion(name=root.stem, before=before, after=after))


def _below(root: PurePosixPath, inits: Mapping[str, bytes]) -> dict[str, bytes | None]:
    return {path: content for path, content in inits.items() if PurePosixPath(path).is_relative_to(root)}


def trimmed(sources: Sequence[Source]) -> list[tuple[bytes | None, bytes | None]]:
    """Both sides of each, without what is the same on both and named by nothing that differs."""
    differing = [s.sides.differing if s.sides else (s.before or b"", s.after or b"") for s in sources]
    if any(imports_everything(side) for both in differing for side in both):
        return [(s.before, s.after) for s in sources]
    told = (*chain(*differing), *(s.sides.imports for s in sources if s.sides))
    named = frozenset[str]().union(*map(words, told))
    return [s.sides.beside(named) if s.sides else (s.before, s.after) for s in sources]
