"""Is a lock file intact: coherent with its manifest, with hashes, from known registries, and not tampered with.

What was so before is not this change's doing: hashes and registries are asked of what it brings, coherence of what
it touches.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.dependencies.changes import RequirementChange, requirement_changes
from penstock.core.dependencies.facts import (
    UNTOLD,
    DependencyFile,
    Ecosystem,
    FilePair,
    Locked,
    Requirement,
    Role,
)
from penstock.core.dependencies.files import locks_of
from penstock.core.dependencies.meeting import meets


class Flaw(StrEnum):
    UNREADABLE = "unreadable"
    NO_LOCKFILE = "no_lockfile"
    LOCK_NOT_UPDATED = "lock_not_updated"
    INCOHERENT = "incoherent"
    NO_HASH = "no_hash"
    HASH_CHANGED = "hash_changed"
    FOREIGN_REGISTRY = "foreign_registry"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LockProblem:
    """One flaw of one file; `detail` is a clause that names package and versions."""

    path: str
    flaw: Flaw
    detail: str


PUBLIC: Mapping[Ecosystem, tuple[str, ...]] = {
    Ecosystem.NPM: ("registry.npmjs.org", "registry.yarnpkg.com"),
    Ecosystem.PYPI: ("pypi.org", "files.pythonhosted.org", "pypi.python.org"),
    Ecosystem.GO: ("proxy.golang.org", "sum.golang.org"),
    Ecosystem.CRATES: ("index.crates.io", "static.crates.io"),
    Ecosystem.MAVEN: ("repo.maven.apache.org", "repo1.maven.org", "plugins.gradle.org"),
    Ecosystem.RUBYGEMS: ("rubygems.org",),
    Ecosystem.PACKAGIST: ("repo.packagist.org", "packagist.org", "api.github.com", "github.com"),
    Ecosystem.NUGET: ("api.nuget.org",),
}
"""Hosts of each ecosystem's public registry, where no others are configured."""
Registries = Mapping[Ecosystem, tuple[str, ...]]


def lock_problems(pairs: tuple[FilePair, ...], registries: Registries) -> tuple[LockProblem, ...]:
    """Every flaw of the lock files that these changes touch, or should have touched; sorted."""
    found: set[LockProblem] = set()
    for pair in pairs:
        if pair.touched and pair.after:
            found |= set(_of_file(pair, pair.after, registries))
    for pair in pairs:
        if pair.after and pair.after.role is Role.MANIFEST and not pair.after.problem:
            found |= set(_of_manifest(pair, pair.after, pairs))
    return tuple(sorted(found))


def _of_file(pair: FilePair, file: DependencyFile, registries: Registries) -> Iterator[LockProblem]:
    """What the file says of itself."""
    if file.problem:
        yield _problem(file, Flaw.UNREADABLE, file.problem)
        return
    known = {(p.name, p.version): p for p in pair.before.locked} if pair.before else {}
    allowed = registries.get(file.ecosystem, PUBLIC[file.ecosystem])
    for package in file.locked:
        yield from _of_package(file, known.get((package.name, package.version)), package, allowed)
    for host in sorted(set(file.hosts) - {"", *allowed} - set(pair.before.hosts if pair.before else ())):
        yield _problem(file, Flaw.FOREIGN_REGISTRY, f"a registry at {host} is named")
    asked = {(r.name, r.host) for r in pair.before.requirements} if pair.before else set()
    for requirement in file.requirements:
        if requirement.host not in {"", *allowed} and (requirement.name, requirement.host) not in asked:
            yield _problem(file, Flaw.FOREIGN_REGISTRY, f"{requirement.name} from {requirement.host}")


def _of_package(
    file: DependencyFile, before: Locked | None, package: Locked, allowed: tuple[str, ...]
) -> Iterator[LockProblem]:
    if package.local:
        return
    what = f"{package.name} {package.version}"
    if file.hashed and not package.hashes and (before is None or before.hashes):
        yield _problem(file, Flaw.NO_HASH, what)
    if before and _contradict(before.hashes, package.hashes):
        yield _problem(file, Flaw.HASH_CHANGED, f"{what} has another content than before")
    for host in set(package.hosts) - set(allowed) - set(before.hosts if before else ()):
        yield _problem(file, Flaw.FOREIGN_REGISTRY, f"{what} from {host}")


def _contradict(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Of one algorithm, is none of the old hashes left; files may be added to a release, not exchanged."""

    def by_algorithm(hashes: tuple[str, ...]) -> dict[str, set[str]]:
        kinds = {text.partition(":")[0] for text in hashes}
        return {kind: {text for text in hashes if text.startswith(f"{kind}:")} for kind in kinds}

    old, new = by_algorithm(before), by_algorithm(after)
    return any(not old[kind] & new[kind] for kind in old.keys() & new.keys())


def _problem(file: DependencyFile, flaw: Flaw, detail: str) -> LockProblem:
    return LockProblem(path=file.path, flaw=flaw, detail=detail)


def _of_manifest(
    pair: FilePair, manifest: DependencyFile, pairs: tuple[FilePair, ...]
) -> Iterator[LockProblem]:
    """What the lock files that go with a manifest say of it."""
    names = locks_of(manifest)
    if not names:
        return
    changed = requirement_changes(pair) if pair.touched else ()
    locks = [(p, p.after) for p in pairs if p.after and _goes_with(p.after, manifest, names)]
    if not locks:
        yield from _without(manifest, changed, pairs, names)
    asked = frozenset(change.name for change in changed)
    for lock_pair, lock in locks:
        if lock.problem or not (pair.touched or lock_pair.touched):
            continue
        judge = _sums(manifest, lock) if lock.role is Role.SUMS else _incoherences(manifest, lock, asked)
        missing = tuple(judge)
        if missing and changed and not lock_pair.touched:
            yield _problem(lock, Flaw.LOCK_NOT_UPDATED, f"{manifest.path} asks anew for {_shown(changed)}")
        for detail in missing:
            yield _problem(lock, Flaw.INCOHERENT, detail)


def _without(
    manifest: DependencyFile,
    changed: tuple[RequirementChange, ...],
    pairs: tuple[FilePair, ...],
    names: tuple[str, ...],
) -> Iterator[LockProblem]:
    lost = [p.before.path for p in pairs if p.before and _goes_with(p.before, manifest, names)]
    if lost:
        yield _problem(
            manifest, Flaw.NO_LOCKFILE, f"{', '.join(sorted(lost))} fixed its versions and is gone"
        )
    elif changed:
        yield _problem(manifest, Flaw.NO_LOCKFILE, f"nothing fixes the versions of {_shown(changed)}")


def _shown(changed: tuple[RequirementChange, ...]) -> str:
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return ", ".join(str(change) for change in changed[:3]) + more


_OF_WORKSPACES = {"Cargo.lock", "yarn.lock"}
"""Lock files that cover the folders below theirs without saying which."""


def _goes_with(lock: DependencyFile, manifest: DependencyFile, names: tuple[str, ...]) -> bool:
    """In the same folder; or above it, where the lock says that it covers the manifest's folder."""
    if lock.role is Role.MANIFEST or lock.name not in names:
        return False
    if lock.folder == manifest.folder:
        return not _is_a_choice(lock) or _covers(lock, manifest)
    inside = _inside(lock.folder, manifest.folder)
    if inside is None or lock.recorded is None:
        return inside is not None and lock.name in _OF_WORKSPACES
    return inside in dict(lock.recorded)


def _is_a_choice(lock: DependencyFile) -> bool:
    """A file of pins beside a project may be its lock, or something else, such as what builds its documentation."""
    return "requirements" in lock.name


def _covers(lock: DependencyFile, manifest: DependencyFile) -> bool:
    fixed = {package.name for package in lock.locked}
    return bool(fixed & {requirement.name for requirement in manifest.requirements})


def _inside(outer: str, inner: str) -> str | None:
    """The inner folder's path from the outer one; None where it is not below."""
    if not outer:
        return inner
    return inner.removeprefix(f"{outer}/") if inner.startswith(f"{outer}/") else None


def _incoherences(manifest: DependencyFile, lock: DependencyFile, changed: frozenset[str]) -> Iterator[str]:
    """Where a lock file does not say what the manifest asks for. `changed`: names that are asked for anew.

    A lock of a workspace need not have its own members, nor a file of pins what is for development or an extra.
    """
    inside = _inside(lock.folder, manifest.folder) if lock.folder != manifest.folder else ""
    recorded = None if lock.recorded is None else dict(lock.recorded).get(inside or "")
    if recorded is not None:
        yield from _unlike(manifest, recorded)
    loose = bool(inside) or (_is_a_choice(lock) and manifest.name == "pyproject.toml")
    fixed: dict[str, list[Locked]] = {}
    for package in lock.locked:
        fixed.setdefault(package.name, []).append(package)
    for requirement in manifest.requirements:
        versions = fixed.get(requirement.name, [])
        if requirement.local or not requirement.direct:
            continue
        expected = not loose or (
            requirement.name in changed and not (requirement.dev or requirement.optional)
        )
        if not versions and recorded is None and expected:
            yield f"has no {requirement.name}, which {manifest.path} asks for"
        elif lock.answers is not None and versions and not _answered(lock.answers, requirement):
            yield f"has no answer to {requirement.name} {requirement.wanted}, which {manifest.path} asks for"
        elif versions and all(meets(lock.ecosystem, requirement, p) is False for p in versions):
            have = ", ".join(sorted(p.version for p in versions))
            yield f"{requirement.name} {have} is not {requirement.wanted}, which {manifest.path} asks for"


def _answered(answers: frozenset[tuple[str, str]], requirement: Requirement) -> bool:
    return requirement.wanted == UNTOLD or (requirement.name, requirement.wanted) in answers


def _unlike(manifest: DependencyFile, recorded: tuple[Requirement, ...]) -> Iterator[str]:
    """What was asked for when the lock was made, against what is asked for now."""
    asked = {(r.name, r.wanted) for r in manifest.requirements if r.direct}
    kept = {(r.name, r.wanted) for r in recorded if r.direct}
    # pnpm installs what a package expects beside it, and keeps that as if it were asked for.
    beside = {(r.name, r.wanted) for r in manifest.requirements if not r.direct}
    names = {name for name, _ in asked ^ (kept - (beside - asked))}
    untold = {name for name, wanted in asked | kept if wanted == UNTOLD}
    for name in sorted(names):
        now = " and ".join(sorted(w or "any" for n, w in asked if n == name))
        then = " and ".join(sorted(w or "any" for n, w in kept if n == name))
        if (now and then and name in untold) or (manifest.partial and (not now or name in untold)):
            continue
        about = f"asks for {now or 'nothing'}, the lock was made for {then or 'nothing'}"
        yield f"{name}: {manifest.path} {about}"


def _sums(manifest: DependencyFile, sums: DependencyFile) -> Iterator[str]:
    """What the manifest fixes and the sums have no hash of."""
    known = {(package.name, package.version) for package in sums.locked}
    for package in manifest.locked:
        if not package.local and (package.name, package.version) not in known:
            yield f"has no hash of {package.name} {package.version}, which {manifest.path} asks for"
