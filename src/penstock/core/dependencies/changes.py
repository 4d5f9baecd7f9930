"""What two trees differ in: packages that came, went or moved, and what manifests newly ask for."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.dependencies.facts import (
    UNTOLD,
    DependencyFile,
    Ecosystem,
    FilePair,
    Locked,
    Requirement,
    Role,
)
from penstock.core.dependencies.versions import compare


class Move(StrEnum):
    """CHANGED: other, and nobody can say whether newer."""

    ADDED = "added"
    REMOVED = "removed"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """One package of one file. `before`, `after`: exact versions, empty where it is not there.

    `direct` None: nothing that was read says whether a manifest asks for it.
    """

    ecosystem: Ecosystem
    name: str
    path: str
    before: str
    after: str
    move: Move
    direct: bool | None
    dev: bool
    local: bool = False

    def __str__(self) -> str:
        versions = " → ".join(v for v in (self.before, self.after) if v)
        how = {True: ", direct", False: ", transitive", None: ""}[self.direct] + ", dev" * self.dev
        word = f" {self.move}" if self.move in {Move.ADDED, Move.REMOVED, Move.DOWNGRADED} else ""
        return f"{self.name} {versions}{word} ({self.path}{how})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementChange:
    """What a manifest asks of one package, before and after; None where it does not ask for it."""

    name: str
    path: str
    before: str | None
    after: str | None
    dev: bool

    def __str__(self) -> str:
        words = " → ".join("any" if v == "" else v for v in (self.before, self.after) if v is not None)
        return f"{self.name} {words} ({self.path}{', dev' * self.dev})"


def package_changes(pairs: tuple[FilePair, ...]) -> tuple[PackageChange, ...]:
    """Of every file that was touched and fixes versions, sorted by file and name."""
    asked = _asked(pairs)
    found = [
        change
        for pair in pairs
        if pair.touched and _fixes(pair)
        for change in _of_file(pair, asked.get(_ecosystem(pair)))
    ]
    return tuple(sorted(found, key=lambda c: (c.path, c.name, c.before, c.after)))


def _fixes(pair: FilePair) -> bool:
    return not any(file and (file.problem or file.role is Role.SUMS) for file in (pair.before, pair.after))


def _ecosystem(pair: FilePair) -> Ecosystem:
    file = pair.after or pair.before
    assert file is not None, "a pair has a side"  # noqa: S101
    return file.ecosystem


def _asked(pairs: tuple[FilePair, ...]) -> Mapping[Ecosystem, frozenset[str]]:
    """Names that manifests, or what locks recorded of them, ask for; no entry where none says so."""
    found: dict[Ecosystem, set[str]] = defaultdict(set)
    for pair in pairs:
        for file in (pair.before, pair.after):
            if file and not file.problem and (file.role is Role.MANIFEST or file.recorded is not None):
                recorded = (r for _, requirements in file.recorded or () for r in requirements)
                found[file.ecosystem] |= {r.name for r in (*file.requirements, *recorded) if r.direct}
    return {ecosystem: frozenset(names) for ecosystem, names in found.items()}


def _of_file(pair: FilePair, asked: frozenset[str] | None) -> Iterator[PackageChange]:
    before, after = _versions(pair.before), _versions(pair.after)
    file = pair.after or pair.before
    assert file is not None, "a pair has a side"  # noqa: S101
    for name in before.keys() | after.keys():
        old, new = before.get(name, {}), after.get(name, {})
        for was, becomes in _moves(sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())):
            package = new[becomes] if becomes else old[was]
            yield PackageChange(
                ecosystem=file.ecosystem,
                name=name,
                path=file.path,
                before=was,
                after=becomes,
                move=_move(file.ecosystem, was, becomes),
                direct=None if asked is None else name in asked,
                dev=package.dev,
                local=package.local,
            )


def _versions(file: DependencyFile | None) -> Mapping[str, Mapping[str, Locked]]:
    found: dict[str, dict[str, Locked]] = defaultdict(dict)
    for package in file.locked if file else ():
        found[package.name][_named(package)] = package
    return found


def _named(package: Locked) -> str:
    """Its version; where it has none, as from a repository, its commit or content stands for it."""
    return package.version or next(iter(package.hashes), UNTOLD)


def _moves(gone: list[str], come: list[str]) -> Iterator[tuple[str, str]]:
    """One for one is a move; where several versions stand beside each other, nobody knows which became which."""
    if len(gone) == len(come) == 1:
        yield gone[0], come[0]
        return
    yield from ((version, "") for version in gone)
    yield from (("", version) for version in come)


def _move(ecosystem: Ecosystem, before: str, after: str) -> Move:
    if not before or not after:
        return Move.ADDED if after else Move.REMOVED
    order = compare(ecosystem, before, after)
    return Move.CHANGED if not order else Move.UPGRADED if order < 0 else Move.DOWNGRADED


def requirement_changes(pair: FilePair) -> tuple[RequirementChange, ...]:
    """Of one manifest: what it asks for newly, no longer, or otherwise. Nothing where a side cannot be read."""
    if any(file and file.problem for file in (pair.before, pair.after)):
        return ()
    before, after = _wanted(pair.before), _wanted(pair.after)
    file = pair.after or pair.before
    assert file is not None, "a pair has a side"  # noqa: S101
    return tuple(
        RequirementChange(
            name=name,
            path=file.path,
            before=before[name][0] if name in before else None,
            after=after[name][0] if name in after else None,
            dev=(after.get(name) or before[name])[1],
        )
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _wanted(file: DependencyFile | None) -> Mapping[str, tuple[str, bool]]:
    """(what is wanted, dev) by name; a package that is asked for in several places has it all in one text."""
    found: dict[str, list[Requirement]] = defaultdict(list)
    for requirement in file.requirements if file else ():
        if requirement.direct:
            found[requirement.name].append(requirement)
    return {
        name: (" and ".join(sorted({r.wanted or r.host for r in rs})), all(r.dev for r in rs))
        for name, rs in found.items()
    }
