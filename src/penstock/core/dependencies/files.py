"""Which files are manifests and lock files, and which lock file belongs to which manifest."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Role, settled
from penstock.core.dependencies.parsing import UnreadableError
from penstock.core.dependencies.readers import (
    bundler,
    cargo,
    composer,
    go,
    jvm,
    npm,
    nuget,
    pnpm,
    python,
    requirements,
    yarn,
)

Reader = Callable[[str, bytes], DependencyFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What files of a name are. `locks`: names of the lock files that may go with a manifest."""

    ecosystem: Ecosystem
    role: Role
    read: Reader
    locks: tuple[str, ...] = ()


_manifest = partial(Kind, role=Role.MANIFEST)
_lock = partial(Kind, role=Role.LOCKFILE)
_npm = Ecosystem.NPM
_pypi = Ecosystem.PYPI
_maven = Ecosystem.MAVEN
_gems = Ecosystem.RUBYGEMS
_nuget = Ecosystem.NUGET

_BY_NAME: dict[str, Kind] = {
    "package.json": _manifest(
        ecosystem=_npm,
        read=npm.read_manifest,
        locks=("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock"),
    ),
    "package-lock.json": _lock(ecosystem=_npm, read=npm.read_lock),
    "npm-shrinkwrap.json": _lock(ecosystem=_npm, read=npm.read_lock),
    "pyproject.toml": _manifest(
        ecosystem=_pypi,
        read=python.read_project,
        locks=("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "requirements.lock", "requirements.txt"),
    ),
    "uv.lock": _lock(ecosystem=_pypi, read=python.read_uv),
    "poetry.lock": _lock(ecosystem=_pypi, read=python.read_poetry),
    "pdm.lock": _lock(ecosystem=_pypi, read=python.read_poetry),
    "pylock.toml": _lock(ecosystem=_pypi, read=python.read_pylock),
    "Pipfile": _manifest(ecosystem=_pypi, read=python.read_pipfile, locks=("Pipfile.lock",)),
    "Pipfile.lock": _lock(ecosystem=_pypi, read=python.read_pipenv),
    "pnpm-lock.yaml": _lock(ecosystem=_npm, read=pnpm.read),
    "yarn.lock": _lock(ecosystem=_npm, read=yarn.read),
    "go.mod": _manifest(ecosystem=Ecosystem.GO, read=go.read_module, locks=("go.sum",)),
    "go.sum": Kind(ecosystem=Ecosystem.GO, role=Role.SUMS, read=go.read_sums),
    "Cargo.toml": _manifest(ecosystem=Ecosystem.CRATES, read=cargo.read_manifest, locks=("Cargo.lock",)),
    "Cargo.lock": _lock(ecosystem=Ecosystem.CRATES, read=cargo.read_lock),
    "pom.xml": _manifest(ecosystem=_maven, read=jvm.read_pom),
    "build.gradle": _manifest(ecosystem=_maven, read=jvm.read_gradle_build, locks=("gradle.lockfile",)),
    "build.gradle.kts": _manifest(ecosystem=_maven, read=jvm.read_gradle_build, locks=("gradle.lockfile",)),
    "libs.versions.toml": _manifest(ecosystem=_maven, read=jvm.read_gradle_catalogue),
    "gradle.lockfile": _lock(ecosystem=_maven, read=jvm.read_gradle_lock),
    "buildscript-gradle.lockfile": _lock(ecosystem=_maven, read=jvm.read_gradle_lock),
    "Gemfile": _manifest(ecosystem=_gems, read=bundler.read_manifest, locks=("Gemfile.lock",)),
    "Gemfile.lock": _lock(ecosystem=_gems, read=bundler.read_lock),
    "gems.rb": _manifest(ecosystem=_gems, read=bundler.read_manifest, locks=("gems.locked",)),
    "gems.locked": _lock(ecosystem=_gems, read=bundler.read_lock),
    "composer.json": _manifest(
        ecosystem=Ecosystem.PACKAGIST, read=composer.read_manifest, locks=("composer.lock",)
    ),
    "composer.lock": _lock(ecosystem=Ecosystem.PACKAGIST, read=composer.read_lock),
    "Directory.Packages.props": _manifest(ecosystem=_nuget, read=nuget.read_central),
    "packages.config": _manifest(ecosystem=_nuget, read=nuget.read_config),
    "packages.lock.json": _lock(ecosystem=_nuget, read=nuget.read_lock),
}
_BY_PATTERN: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (
        re.compile(r"[\w.-]*requirements[\w.-]*\.(?:txt|lock|in)|constraints[\w.-]*\.txt"),
        _manifest(ecosystem=_pypi, read=requirements.read),
    ),
    (
        re.compile(r"[^/]+\.(?:cs|fs|vb)proj"),
        _manifest(ecosystem=_nuget, read=nuget.read_project, locks=("packages.lock.json",)),
    ),
    (re.compile(r"pylock\.[\w-]+\.toml"), _lock(ecosystem=_pypi, read=python.read_pylock)),
)


def kind_of(path: str) -> Kind | None:
    """What a file is by its name; None for everything else."""
    name = path.rpartition("/")[2]
    found = _BY_NAME.get(name)
    return found or next((kind for pattern, kind in _BY_PATTERN if pattern.fullmatch(name)), None)


def locks_of(manifest: DependencyFile) -> tuple[str, ...]:
    """Names of the lock files that may go with a manifest, in its folder or in one above."""
    if manifest.name.endswith(".in"):
        return (manifest.name.removesuffix("in") + "txt", manifest.name.removesuffix("in") + "lock")
    if manifest.name.endswith(".txt"):
        return (manifest.name.removesuffix("txt") + "lock",)
    kind = kind_of(manifest.path)
    return kind.locks if kind else ()


def unreadable(path: str, kind: Kind, problem: str) -> DependencyFile:
    return DependencyFile(path=path, ecosystem=kind.ecosystem, role=kind.role, problem=problem)


def read(path: str, kind: Kind, content: bytes) -> DependencyFile:
    """The facts of a file; total, in time by its size: what cannot be read is a fact too."""
    try:
        return settled(kind.read(path, content))
    except UnreadableError as error:
        return unreadable(path, kind, str(error))
