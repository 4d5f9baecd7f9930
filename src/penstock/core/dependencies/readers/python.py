"""Python projects: `pyproject.toml`, `Pipfile`, and the locks of uv, poetry, pdm and pipenv, and `pylock.toml` (PEP 751)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Locked, Recorded, Requirement, Role
from penstock.core.dependencies.parsing import Plain, host_of, items, json_of, table, toml_of, word
from penstock.core.dependencies.readers.requirements import asked, ordered

_LOCAL = ("editable", "virtual", "directory", "path")
_TYPES = {"directory", "file"}


def read_project(path: str, content: bytes) -> DependencyFile:
    data = toml_of(content)
    project, tool = table(data.get("project"), "project"), table(data.get("tool"), "tool")
    own = frozenset(table(table(tool.get("uv"), "tool.uv").get("sources"), "tool.uv.sources"))
    found = (
        *_listed(project.get("dependencies"), "project.dependencies", own),
        *(
            replace(r, optional=True)
            for r in _grouped(project.get("optional-dependencies"), "project.optional-dependencies", own)
        ),
        *_grouped(data.get("dependency-groups"), "dependency-groups", own, dev=True),
        *_listed(table(tool.get("uv")).get("dev-dependencies"), "tool.uv.dev-dependencies", own, dev=True),
        *_poetry(table(tool.get("poetry"), "tool.poetry")),
    )
    return _file(path, Role.MANIFEST, requirements=found, hosts=tuple(_registries(tool)))


def _registries(tool: Mapping[str, Plain]) -> Iterator[str]:
    """Hosts of the package indexes that a project names."""
    uv, poetry, pdm = (table(tool.get(name), name) for name in ("uv", "poetry", "pdm"))
    for found in (uv.get("index"), poetry.get("source"), pdm.get("source")):
        for entry in items(found, "index"):
            yield host_of(word(table(entry, "index").get("url"), "index"))
    for address in (uv.get("index-url"), *items(uv.get("extra-index-url"), "extra-index-url")):
        yield host_of(word(address, "index-url"))


def _file(
    path: str,
    role: Role,
    *,
    requirements: tuple[Requirement, ...] = (),
    locked: tuple[Locked, ...] = (),
    recorded: Recorded | None = None,
    hosts: tuple[str, ...] = (),
) -> DependencyFile:
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.PYPI,
        role=role,
        requirements=requirements,
        locked=locked,
        recorded=recorded,
        hosts=hosts,
        hashed=role is Role.LOCKFILE,
    )


def _listed(value: Plain, what: str, own: frozenset[str], *, dev: bool = False) -> Iterator[Requirement]:
    """`own`: names whose source is told elsewhere, so that what is wanted of them is not asked of a registry."""
    for entry in items(value, what):
        if isinstance(entry, Mapping):  # {include-group = "…"}, whose members are listed where they stand
            continue
        parsed = asked(word(entry, what))
        wanted = "" if parsed.name in own else parsed.wanted
        yield Requirement(name=parsed.name, wanted=wanted, dev=dev, host=parsed.host)


def _grouped(value: Plain, what: str, own: frozenset[str], *, dev: bool = False) -> Iterator[Requirement]:
    for group, entries in table(value, what).items():
        yield from _listed(entries, f"{what}.{group}", own, dev=dev)


def _poetry(poetry: Mapping[str, Plain]) -> Iterator[Requirement]:
    yield from named(poetry.get("dependencies"), "tool.poetry.dependencies")
    yield from named(poetry.get("dev-dependencies"), "tool.poetry.dev-dependencies", dev=True)
    for group, value in table(poetry.get("group"), "tool.poetry.group").items():
        what = f"tool.poetry.group.{group}"
        yield from named(table(value, what).get("dependencies"), what, dev=group != "main")


def named(value: Plain, what: str, *, dev: bool = False) -> Iterator[Requirement]:
    """A table of name to version, or to a table that has one; `python` is no package."""
    for name, entry in table(value, what).items():
        if name.lower() == "python":
            continue
        several = entry if isinstance(entry, list) else [entry]
        for one in several:
            facts = {"version": one} if isinstance(one, str) else table(one, f"{what}.{name}")
            address = word(facts.get("git") or facts.get("url"), f"{what}.{name}")
            yield Requirement(
                name=name,
                wanted=word(facts.get("version"), f"{what}.{name}.version"),
                dev=dev,
                host=host_of(address) if address else "",
            )


def read_pipfile(path: str, content: bytes) -> DependencyFile:
    data = toml_of(content)
    found = (*named(data.get("packages"), "packages"), *named(data.get("dev-packages"), "dev", dev=True))
    return _file(path, Role.MANIFEST, requirements=found)


def read_uv(path: str, content: bytes) -> DependencyFile:
    packages = tuple(table(p, "package") for p in items(toml_of(content).get("package"), "package"))
    return _file(
        path,
        Role.LOCKFILE,
        locked=tuple(_uv_locked(package) for package in packages),
        recorded=tuple(_uv_recorded(packages)),
    )


def _uv_locked(package: Mapping[str, Plain]) -> Locked:
    name, source = word(package.get("name"), "name"), table(package.get("source"), "source")
    files = [*items(package.get("wheels"), "wheels"), *([package["sdist"]] if "sdist" in package else [])]
    facts = [table(file, f"{name}: file") for file in files]
    git = word(source.get("git"), "git")
    addresses = [word(source.get(kind), kind) for kind in ("registry", "git", "url")]
    return Locked(
        name=name,
        version=word(package.get("version"), "version"),
        hosts=_hosts(*addresses, *(word(f.get("url"), "url") for f in facts)),
        local=any(kind in source for kind in _LOCAL),
        hashes=(*_hashes(facts), *((f"git:{git.rpartition('#')[2]}",) if "#" in git else ())),
    )


def _hosts(*addresses: str) -> tuple[str, ...]:
    return tuple(host_of(address) for address in addresses if ":" in address)


def _hashes(files: list[Mapping[str, Plain]]) -> tuple[str, ...]:
    return tuple(found for f in files if (found := word(f.get("hash"), "hash")))


def _uv_recorded(packages: tuple[Mapping[str, Plain], ...]) -> Iterator[tuple[str, tuple[Requirement, ...]]]:
    for package in packages:
        source = table(package.get("source"), "source")
        folder = word(source.get("editable") or source.get("virtual"), "source")
        if folder:
            metadata = table(package.get("metadata"), "metadata")
            dev = table(metadata.get("requires-dev"), "requires-dev")
            found = (
                *_uv_requirements(metadata.get("requires-dist")),
                *(r for group in dev.values() for r in _uv_requirements(group, dev=True)),
            )
            yield "" if folder == "." else folder, found


def _uv_requirements(value: Plain, *, dev: bool = False) -> Iterator[Requirement]:
    for entry in items(value, "requires-dist"):
        facts = table(entry, "requires-dist")
        yield Requirement(
            name=word(facts.get("name"), "name"),
            wanted=_sorted(word(facts.get("specifier"), "specifier")),
            dev=dev,
        )


def _sorted(specifier: str) -> str:
    try:
        return ordered(SpecifierSet(specifier))
    except InvalidSpecifier:
        return specifier


def read_poetry(path: str, content: bytes) -> DependencyFile:
    """Of poetry, and of pdm, whose files have the same shape."""
    data = toml_of(content)
    metadata = table(data.get("metadata"), "metadata")
    # Poetry before 1.3 kept the hashes apart.
    apart = metadata.get("files") if isinstance(metadata.get("files"), Mapping) else None
    packages = [table(p, "package") for p in items(data.get("package"), "package")]
    return _file(
        path, Role.LOCKFILE, locked=tuple(_poetry_locked(p, table(apart, "metadata.files")) for p in packages)
    )


def _poetry_locked(package: Mapping[str, Plain], apart: Mapping[str, Plain]) -> Locked:
    name, source = word(package.get("name"), "name"), table(package.get("source"), "source")
    files = [
        table(f, f"{name}: file") for f in items(package.get("files") or apart.get(name), f"{name}: files")
    ]
    commit = word(source.get("resolved_reference") or package.get("revision"), f"{name}: commit")
    groups = items(package.get("groups"), f"{name}: groups")
    addresses = [word(source.get("url") or package.get("git") or package.get("url"), f"{name}: source")]
    return Locked(
        name=name,
        version=word(package.get("version"), f"{name}: version"),
        dev=package.get("category") == "dev"
        or (bool(groups) and not {"main", "default"} & {*map(str, groups)}),
        hosts=_hosts(*addresses, *(word(f.get("url"), "url") for f in files)),
        local=source.get("type") in _TYPES or "path" in package,
        hashes=(*_hashes(files), *((f"git:{commit}",) if commit else ())),
    )


def read_pipenv(path: str, content: bytes) -> DependencyFile:
    data = table(json_of(content))
    sources = {
        word(facts.get("name"), "source"): word(facts.get("url"), "source")
        for source in items(table(data.get("_meta"), "_meta").get("sources"), "_meta.sources")
        for facts in [table(source, "_meta.sources")]
    }
    found = tuple(
        _pipenv_locked(name, table(value, name), sources, dev=section != "default")
        for section in data
        if section != "_meta"
        for name, value in table(data[section], section).items()
    )
    return _file(path, Role.LOCKFILE, locked=found)


def _pipenv_locked(name: str, facts: Mapping[str, Plain], sources: Mapping[str, str], *, dev: bool) -> Locked:
    git, commit = word(facts.get("git"), name), word(facts.get("ref"), name)
    address = git or word(facts.get("file"), name) or sources.get(word(facts.get("index"), name), "")
    return Locked(
        name=name,
        version=word(facts.get("version"), name).removeprefix("=="),
        dev=dev,
        hosts=_hosts(address),
        local="path" in facts,
        hashes=(
            *(word(h, name) for h in items(facts.get("hashes"), name)),
            *((f"git:{commit}",) if git else ()),
        ),
    )


def read_pylock(path: str, content: bytes) -> DependencyFile:
    packages = [table(p, "packages") for p in items(toml_of(content).get("packages"), "packages")]
    return _file(path, Role.LOCKFILE, locked=tuple(_pylock_locked(p) for p in packages))


def _pylock_locked(package: Mapping[str, Plain]) -> Locked:
    name, vcs = word(package.get("name"), "name"), table(package.get("vcs"), "vcs")
    files = [
        table(f, f"{name}: file")
        for f in (
            *items(package.get("wheels"), "wheels"),
            *(package[kind] for kind in ("sdist", "archive") if kind in package),
        )
    ]
    hashes = tuple(
        f"{kind}:{word(value, 'hash')}"
        for f in files
        for kind, value in table(f.get("hashes"), "hashes").items()
    )
    commit = word(vcs.get("commit-id"), "commit-id")
    addresses = (word(package.get("index"), "index"), word(vcs.get("url"), "url"))
    return Locked(
        name=name,
        version=word(package.get("version"), "version"),
        hosts=_hosts(*addresses, *(word(f.get("url"), "url") for f in files)),
        local="directory" in package,
        hashes=(*hashes, *((f"git:{commit}",) if commit else ())),
    )
