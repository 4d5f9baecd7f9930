"""Cargo: `Cargo.toml` and `Cargo.lock`."""

from collections.abc import Iterator, Mapping

from penstock.core.dependencies.facts import UNTOLD, DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import Plain, host_of, items, table, toml_of, word

_SECTIONS = (("dependencies", False), ("build-dependencies", False), ("dev-dependencies", True))
_INDEX = "https://github.com/rust-lang/crates.io-index"
"""The public registry's old address, on a host that has everybody's repositories."""


def read_manifest(path: str, content: bytes) -> DependencyFile:
    data = toml_of(content)
    targets = table(data.get("target"), "target")
    places = (data, *(table(target, f"target.{name}") for name, target in targets.items()))
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.CRATES,
        role=Role.MANIFEST,
        requirements=(
            *(r for place in places for section, dev in _SECTIONS for r in _asked(place, section, dev=dev)),
            *_asked(table(data.get("workspace"), "workspace"), "dependencies", direct=False),
        ),
    )


def _asked(
    place: Mapping[str, Plain], section: str, *, dev: bool = False, direct: bool = True
) -> Iterator[Requirement]:
    for name, value in table(place.get(section), section).items():
        facts = {"version": value} if isinstance(value, str) else table(value, f"{section}.{name}")
        address = word(facts.get("git") or facts.get("registry-index"), f"{section}.{name}")
        yield Requirement(
            name=word(facts.get("package"), f"{section}.{name}") or name,
            wanted=UNTOLD if facts.get("workspace") is True else word(facts.get("version"), name),
            dev=dev,
            host=host_of(address) if address else "",
            direct=direct,
        )


def read_lock(path: str, content: bytes) -> DependencyFile:
    data = toml_of(content)
    # Cargo before 1.41 kept the checksums apart.
    apart = table(data.get("metadata"), "metadata")
    packages = [table(p, "package") for p in items(data.get("package"), "package")]
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.CRATES,
        role=Role.LOCKFILE,
        locked=tuple(_locked(package, apart) for package in packages),
        hashed=True,
    )


def _locked(package: Mapping[str, Plain], apart: Mapping[str, Plain]) -> Locked:
    name, version = (word(package.get(key), key) for key in ("name", "version"))
    source = word(package.get("source"), f"{name}: source")
    kind, _, address = source.partition("+")
    checksum = word(
        package.get("checksum") or apart.get(f"checksum {name} {version} ({source})"), f"{name}: checksum"
    )
    commit = address.rpartition("#")[2] if kind == "git" and "#" in address else ""
    host = "index.crates.io" if address == _INDEX and kind == "registry" else host_of(address)
    return Locked(
        name=name,
        version=version,
        hosts=(host,),
        local=not source,
        hashes=(
            *((f"sha256:{checksum}",) if checksum else ()),
            *((f"git:{commit}",) if commit else ()),
        ),
    )
