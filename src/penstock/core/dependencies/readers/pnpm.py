"""pnpm: `pnpm-lock.yaml` (versions 5 to 9)."""

import re
from collections.abc import Iterator, Mapping

from penstock.core.dependencies.facts import UNTOLD, DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import Plain, UnreadableError, host_of, table, word, yaml_of
from penstock.core.dependencies.readers.npm import SECTIONS, aliased, is_local, sri

_KEY = re.compile(r"/?((?:@[^/@]+/)?[^/@]+)[@/]([^(_]+)(?:[(_].*)?")


def read(path: str, content: bytes) -> DependencyFile:
    documents = [table(document) for document in yaml_of(content)]
    if not any("lockfileVersion" in data for data in documents):
        raise UnreadableError("no lock file: it has no `lockfileVersion`")
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.NPM,
        role=Role.LOCKFILE,
        locked=tuple(found for data in documents for found in _packages(data)),
        recorded=tuple(found for data in documents for found in _recorded(data)),
        hashed=True,
    )


def _packages(data: Mapping[str, Plain]) -> Iterator[Locked]:
    for key, value in table(data.get("packages"), "packages").items():
        facts = table(value, key)
        match = _KEY.fullmatch(key)
        name, version = (match[1], match[2]) if match else (key, "")
        resolution = table(facts.get("resolution"), f"{key}: resolution")
        address = word(resolution.get("tarball") or resolution.get("repo"), f"{key}: resolution")
        commit = word(resolution.get("commit"), f"{key}: commit")
        yield Locked(
            name=word(facts.get("name"), "name") or name,
            version=word(facts.get("version"), "version") or version,
            dev=facts.get("dev") == "true",
            hosts=(host_of(address),) if ":" in address else (),
            local=resolution.get("type") == "directory" or is_local(version) or address.startswith("file:"),
            hashes=(*sri(word(resolution.get("integrity"), key)), *((f"git:{commit}",) if commit else ())),
        )


def _recorded(data: Mapping[str, Plain]) -> Iterator[tuple[str, tuple[Requirement, ...]]]:
    importers = table(data.get("importers"), "importers") or {".": data}
    overridden = frozenset(table(data.get("overrides"), "overrides"))
    for folder, value in importers.items():
        yield "" if folder == "." else folder, tuple(_requirements(table(value, folder), overridden))


def _requirements(importer: Mapping[str, Plain], overridden: frozenset[str]) -> Iterator[Requirement]:
    """Until version 5, what was asked for stood in a table of its own."""
    apart = table(importer.get("specifiers"), "specifiers")
    for section, dev in SECTIONS:
        for name, value in table(importer.get(section), section).items():
            told = apart.get(name) if isinstance(value, str) else table(value, name).get("specifier")
            real, wanted = aliased(name, word(told, name))
            yield Requirement(name=real, wanted=UNTOLD if name in overridden else wanted, dev=dev)
