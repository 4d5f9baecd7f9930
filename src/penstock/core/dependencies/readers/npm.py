"""npm: `package.json`, `package-lock.json` (versions 1 to 3), `npm-shrinkwrap.json`."""

import re
from collections.abc import Iterator, Mapping

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import Plain, UnreadableError, host_of, json_of, table, word

SECTIONS = (("dependencies", False), ("optionalDependencies", False), ("devDependencies", True))
_HOSTED = re.compile(r"(?:(github|gitlab|bitbucket):)?[\w.-]+/[\w.-]+(?:#.*)?")
_LOCAL = ("file:", "link:", "workspace:", "portal:", ".", "/", "~/")


def read_manifest(path: str, content: bytes) -> DependencyFile:
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.NPM,
        role=Role.MANIFEST,
        requirements=tuple(requirements_of(table(json_of(content)))),
    )


def requirements_of(manifest: Mapping[str, Plain]) -> Iterator[Requirement]:
    """Of a manifest, or of what a lock file kept of one."""
    for section, dev in SECTIONS:
        for name, wanted in table(manifest.get(section), section).items():
            real, text = aliased(name, word(wanted, f"{section}.{name}"))
            yield Requirement(
                name=real, wanted=text, dev=dev, host=source_of(text), local=text.startswith(_LOCAL)
            )

    for name, wanted in table(manifest.get("peerDependencies"), "peerDependencies").items():
        yield Requirement(name=name, wanted=word(wanted, f"peerDependencies.{name}"), direct=False)


def aliased(name: str, wanted: str) -> tuple[str, str]:
    """Package and range, also where `npm:other@range` gives the package another name here."""
    match = re.fullmatch(r"npm:((?:@[^/@]+/)?[^/@]+)@(.+)", wanted)
    return (match[1], match[2]) if match else (name, wanted)


def source_of(wanted: str) -> str:
    """Whom a requirement fetches from past the registry; empty for the registry and for paths."""
    if wanted.startswith(("npm:", *_LOCAL)):
        return ""
    if hosted := _HOSTED.fullmatch(wanted):
        return {"gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}.get(hosted[1], "github.com")
    return host_of(wanted) if ":" in wanted else ""


def is_local(wanted: str) -> bool:
    return wanted.startswith(_LOCAL)


def read_lock(path: str, content: bytes) -> DependencyFile:
    data = table(json_of(content))
    if "packages" in data:
        packages = table(data["packages"], "packages")
        locked, recorded = tuple(_packages(packages)), tuple(_recorded(packages))
    elif "dependencies" in data:
        locked, recorded = tuple(_nested(data, 0)), None
    elif "lockfileVersion" in data:
        locked, recorded = (), None
    else:
        raise UnreadableError("no lock file: neither `packages` nor `dependencies`")
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.NPM,
        role=Role.LOCKFILE,
        locked=locked,
        recorded=recorded,
        hashed=True,
    )


def _packages(packages: Mapping[str, Plain]) -> Iterator[Locked]:
    for place, value in packages.items():
        facts = table(value, f"packages.{place}")
        if "node_modules/" not in place or facts.get("link") is True:
            continue
        name = word(facts.get("name"), "name") or place.rpartition("node_modules/")[2]
        yield _locked(name, facts, place)


def _recorded(packages: Mapping[str, Plain]) -> Iterator[tuple[str, tuple[Requirement, ...]]]:
    for place, value in packages.items():
        if "node_modules/" not in place:
            yield place, tuple(requirements_of(table(value, f"packages.{place}")))


def _nested(data: Mapping[str, Plain], depth: int) -> Iterator[Locked]:
    if depth > 32:
        raise UnreadableError("nested too deeply")
    for name, value in table(data.get("dependencies"), "dependencies").items():
        facts = table(value, f"dependencies.{name}")
        yield _locked(name, facts, name)
        yield from _nested(facts, depth + 1)


def _locked(name: str, facts: Mapping[str, Plain], what: str) -> Locked:
    name, version = aliased(name, word(facts.get("version"), f"{what}: version"))
    # Version 1 has a git or tarball address in place of the version.
    address = word(facts.get("resolved"), f"{what}: resolved") or (version if "://" in version else "")
    integrity = word(facts.get("integrity"), f"{what}: integrity")
    return Locked(
        name=name,
        version=version,
        dev=facts.get("dev") is True,
        hosts=(host_of(address),) if ":" in address else (),
        local=address.startswith("file:") or is_local(version),
        hashes=(*sri(integrity), *commit_of(address)) or _bundled(facts),
    )


def sri(integrity: str) -> tuple[str, ...]:
    """The hashes of a Subresource Integrity text (W3C), such as `sha512-…`."""
    found = (re.fullmatch(r"(sha\d+)-([A-Za-z0-9+/=]+)(?:\?.*)?", part) for part in integrity.split())
    return tuple(f"{match[1]}:{match[2]}" for match in found if match)


def commit_of(address: str) -> tuple[str, ...]:
    """The commit that a git address is fixed to."""
    match = re.search(r"#(?:commit[=:])?([0-9a-f]{40})\b", address)
    return (f"git:{match[1]}",) if match and "git" in address else ()


def _bundled(facts: Mapping[str, Plain]) -> tuple[str, ...]:
    """What comes inside another package's archive is covered by that one's hash."""
    return ("bundled:",) if facts.get("inBundle") is True or facts.get("bundled") is True else ()
