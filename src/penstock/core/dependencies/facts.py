"""Facts of manifests and lock files, in the same shape for every ecosystem."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Ecosystem(StrEnum):
    """By the names of the OSV schema ("Defined ecosystems")."""

    NPM = "npm"
    PYPI = "PyPI"
    GO = "Go"
    CRATES = "crates.io"
    MAVEN = "Maven"
    RUBYGEMS = "RubyGems"
    PACKAGIST = "Packagist"
    NUGET = "NuGet"


class Role(StrEnum):
    """MANIFEST asks for packages, LOCKFILE fixes their versions, SUMS has hashes of what a manifest fixes itself."""

    MANIFEST = "manifest"
    LOCKFILE = "lockfile"
    SUMS = "sums"


UNTOLD = "?"
"""What is wanted of a package where the file leaves that to another one (a workspace, a catalogue, a property)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Requirement:
    """What a manifest asks for. `wanted` is as written, without extras and markers; `host`, where it names a source.

    `direct` false: only written down for others' sake, as Go's indirect requirements and npm's peers are. `local`: a part of the
    repository itself. `optional`: only for who asks for an extra.
    """

    name: str
    wanted: str = ""
    dev: bool = False
    host: str = ""
    direct: bool = True
    local: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Locked:
    """One exact version. `hosts` are whom it comes from, none where the file leaves that to the package manager.

    `local`: a part of the repository itself. `hashes` are `algorithm:value`; a git commit counts as one.
    """

    name: str
    version: str
    dev: bool = False
    hosts: tuple[str, ...] = ()
    local: bool = False
    hashes: tuple[str, ...] = ()


Recorded = tuple[tuple[str, tuple[Requirement, ...]], ...]
"""(folder below the lock file's, what its manifest asked for when the lock was made)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFile:
    """One file's facts; those of a file that could not be read are its `problem` alone.

    `recorded` None: the format does not keep what the manifests asked for. `answers`: (name, wanted) of every
    requirement that the lock answers, where it keeps that. `hashed`: the format has a hash for every package. A
    manifest has `locked` where it fixes versions itself, `hosts` of the registries that it names, and is `partial`
    where it is code, which may ask for more than can be read.
    """

    path: str
    ecosystem: Ecosystem
    role: Role
    requirements: tuple[Requirement, ...] = ()
    locked: tuple[Locked, ...] = ()
    recorded: Recorded | None = None
    answers: frozenset[tuple[str, str]] | None = None
    hosts: tuple[str, ...] = ()
    partial: bool = False
    hashed: bool = False
    problem: str = ""

    @property
    def folder(self) -> str:
        """Empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePair:
    """A manifest or lock file in the old and in the new tree; None where it is not there. `touched`: they differ."""

    before: DependencyFile | None
    after: DependencyFile | None
    touched: bool


def normal(ecosystem: Ecosystem, name: str) -> str:
    """A package's name as its registry compares it (PyPI: PEP 503; NuGet and Packagist know no case)."""
    match ecosystem:
        case Ecosystem.PYPI:
            return re.sub(r"[-_.]+", "-", name).lower()
        case Ecosystem.NUGET | Ecosystem.PACKAGIST:
            return name.lower()
        case _:
            return name


def settled(file: DependencyFile) -> DependencyFile:
    """The same facts whatever the order they were written in: names normalized, everything sorted, once each."""

    def requirements(found: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        return tuple(sorted({replace(r, name=normal(file.ecosystem, r.name)) for r in found}))

    recorded = file.recorded
    return replace(
        file,
        requirements=requirements(file.requirements),
        locked=tuple(
            sorted(
                {
                    replace(
                        p,
                        name=normal(file.ecosystem, p.name),
                        hosts=tuple(sorted({*p.hosts} - {""})),
                        hashes=tuple(sorted({*p.hashes})),
                    )
                    for p in file.locked
                }
            )
        ),
        recorded=None if recorded is None else tuple(sorted((f, requirements(r)) for f, r in recorded)),
    )
