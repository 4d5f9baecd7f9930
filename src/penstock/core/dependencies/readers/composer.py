"""Composer: `composer.json` and `composer.lock`."""

import re
from collections.abc import Iterator, Mapping

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import Plain, UnreadableError, host_of, items, json_of, table, word


def read_manifest(path: str, content: bytes) -> DependencyFile:
    data = table(json_of(content))
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.PACKAGIST,
        role=Role.MANIFEST,
        requirements=(*_asked(data, "require"), *_asked(data, "require-dev", dev=True)),
        hosts=tuple(_registries(data.get("repositories"))),
    )


def _asked(data: Mapping[str, Plain], section: str, *, dev: bool = False) -> Iterator[Requirement]:
    """A name without a vendor is the platform's: PHP, its extensions, Composer itself."""
    for name, wanted in table(data.get(section), section).items():
        if "/" in name:
            yield Requirement(name=name, wanted=word(wanted, f"{section}.{name}"), dev=dev)


def _registries(value: Plain) -> Iterator[str]:
    """Repositories come as a list or as a table; `packagist.org: false` is none."""
    entries = value.values() if isinstance(value, Mapping) else items(value, "repositories")
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("type") != "path":
            yield host_of(word(entry.get("url"), "repositories"))


def read_lock(path: str, content: bytes) -> DependencyFile:
    data = table(json_of(content))
    if "packages" not in data:
        raise UnreadableError("no lock file: it has no `packages`")
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.PACKAGIST,
        role=Role.LOCKFILE,
        locked=tuple(
            _locked(table(package, section), dev=section != "packages")
            for section in ("packages", "packages-dev")
            for package in items(data.get(section), section)
        ),
        hashed=True,
    )


def _locked(package: Mapping[str, Plain], *, dev: bool) -> Locked:
    name = word(package.get("name"), "name")
    dist, source = (table(package.get(key), f"{name}: {key}") for key in ("dist", "source"))
    shasum = word(dist.get("shasum"), f"{name}: shasum")
    commits = {word(part.get("reference"), f"{name}: reference") for part in (dist, source)}
    addresses = [word(part.get("url"), f"{name}: url") for part in (dist, source)]
    return Locked(
        name=name,
        version=word(package.get("version"), f"{name}: version").removeprefix("v"),
        dev=dev,
        hosts=tuple(host_of(address) for address in addresses if ":" in address),
        local=dist.get("type") == "path",
        hashes=(
            *((f"sha1:{shasum}",) if shasum else ()),
            *(f"git:{commit}" for commit in commits if re.fullmatch(r"[0-9a-f]{40}", commit)),
        ),
    )
