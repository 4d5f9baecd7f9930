"""Which files are manifests and lock files, and which lock file belongs to which manifest."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Role, settled
from penstock.core.dependencies.parsing import UnreadableError
from penstock.core.dependencies.readers import npm, python, requirements

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

_BY_NAME: dict[str, Kind] = {
    "package.json": _manifest(
        ecosystem=_npm,
        read=npm.read_manifest,
        locks=("package-lock.json", "npm-shrinkwrap.json"),
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
}
_BY_PATTERN: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (
        re.compile(r"[\w.-]*requirements[\w.-]*\.(?:txt|lock|in)|constraints[\w.-]*\.txt"),
        _manifest(ecosystem=_pypi, read=requirements.read),
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
