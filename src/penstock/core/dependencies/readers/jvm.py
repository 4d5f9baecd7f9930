"""Maven's `pom.xml`, and Gradle's `gradle.lockfile`, version catalogue and, as far as it is no code, build file."""

import re
from collections.abc import Iterator, Mapping

from penstock.core.dependencies.facts import UNTOLD, DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import (
    Element,
    Plain,
    UnreadableError,
    host_of,
    lines_of,
    table,
    text_of,
    toml_of,
    word,
    xml_of,
)

_EXACT = re.compile(r"\[?([\w.+-]+)\]?", re.ASCII)
_PLACES = (
    ("dependencies", "dependency"),
    ("dependencyManagement", "dependencies", "dependency"),
    ("build", "plugins", "plugin"),
    ("build", "pluginManagement", "plugins", "plugin"),
    ("parent",),
)


def read_pom(path: str, content: bytes) -> DependencyFile:
    project = xml_of(content)
    if project.tag != "project":
        raise UnreadableError(f"its root is `{project.tag[:80]}`, not `project`")
    properties = {e.tag: e.text.strip() for group in project.below("properties") for e in group.children}
    found = [
        _pom_requirement(element, properties, plugin=tags[0] == "build")
        for tags in _PLACES
        for element in project.below(*tags)
    ]
    profiles = [
        _pom_requirement(element, properties)
        for element in project.below("profiles", "profile", "dependencies", "dependency")
    ]
    addresses = (
        element.child("url")
        for tags in (("repositories", "repository"), ("pluginRepositories", "pluginRepository"))
        for element in project.below(*tags)
    )
    return _pinned(path, (*found, *profiles), tuple(host_of(address) for address in addresses))


def _pom_requirement(element: Element, properties: Mapping[str, str], *, plugin: bool = False) -> Requirement:
    group = element.child("groupId") or ("org.apache.maven.plugins" if plugin else "")
    return Requirement(
        name=f"{_filled(group, properties)}:{_filled(element.child('artifactId'), properties)}",
        wanted=_filled(element.child("version"), properties) or UNTOLD,
        dev=element.child("scope") == "test",
    )


def _filled(text: str, properties: Mapping[str, str]) -> str:
    """With its property put in, once; one that is defined elsewhere leaves the text untold."""
    match = re.fullmatch(r"\$\{([\w.-]+)\}", text)
    value = properties.get(match[1], UNTOLD) if match else text
    return UNTOLD if "${" in value else value


def _pinned(
    path: str, requirements: tuple[Requirement, ...], hosts: tuple[str, ...] = (), *, partial: bool = False
) -> DependencyFile:
    """A manifest whose exact requirements fix versions themselves."""
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.MAVEN,
        role=Role.MANIFEST,
        requirements=requirements,
        locked=tuple(
            Locked(name=r.name, version=match[1], dev=r.dev)
            for r in requirements
            if r.wanted != UNTOLD and (match := _EXACT.fullmatch(r.wanted))
        ),
        hosts=hosts,
        partial=partial,
    )


_LINE = re.compile(r"([^:=\s]+:[^:=\s]+):([^:=\s]+)=([\w.,-]*)")


def read_gradle_lock(path: str, content: bytes) -> DependencyFile:
    """Its format has no hashes: Gradle keeps them in `verification-metadata.xml`, if at all."""
    found: list[Locked] = []
    for number, line in lines_of(content):
        bare = line.strip()
        if not bare or bare.startswith(("#", "empty=")):
            continue
        match = _LINE.fullmatch(bare)
        if not match:
            raise UnreadableError(f"line {number}: no `group:name:version=configurations`")
        dev = all(name.startswith("test") for name in match[3].split(","))
        found.append(Locked(name=match[1], version=match[2], dev=dev))
    return DependencyFile(path=path, ecosystem=Ecosystem.MAVEN, role=Role.LOCKFILE, locked=tuple(found))


_DECLARED = re.compile(
    r"""^[ \t]*(\w{1,60})[ \t(]{1,20}(?:platform\()?["']([\w.-]+:[\w.-]+):([\w.+-]+)(?:@\w+)?["']""",
    re.MULTILINE | re.ASCII,
)
_REPOSITORY = re.compile(r"""\b(?:url|setUrl)\b[\s=(]{1,20}(?:uri\()?["']([^"'\s]{1,300})["']""")


def read_gradle_build(path: str, content: bytes) -> DependencyFile:
    text = text_of(content)
    found = tuple(
        Requirement(name=name, wanted=version, dev=kind.lower().startswith("test"))
        for kind, name, version in _DECLARED.findall(text)
    )
    hosts = tuple(host_of(address) for address in _REPOSITORY.findall(text) if "$" not in address)
    return _pinned(path, found, hosts, partial=True)


def read_gradle_catalogue(path: str, content: bytes) -> DependencyFile:
    """What builds may ask for; whether they do, they say themselves."""
    data = toml_of(content)
    versions = table(data.get("versions"), "versions")
    return _pinned(
        path,
        (
            *_catalogued(table(data.get("libraries"), "libraries"), versions),
            *_catalogued(table(data.get("plugins"), "plugins"), versions, plugins=True),
        ),
    )


def _catalogued(
    entries: Mapping[str, Plain], versions: Mapping[str, Plain], *, plugins: bool = False
) -> Iterator[Requirement]:
    for alias, value in entries.items():
        if isinstance(value, str):
            name, _, version = value.rpartition(":")
        else:
            facts = table(value, alias)
            group, artifact = word(facts.get("group"), alias), word(facts.get("name"), alias)
            name = word(facts.get("id" if plugins else "module"), alias) or f"{group}:{artifact}"
            version = _version(facts.get("version"), versions)
        # A plugin's marker artifact (Gradle manual, "Plugin Marker Artifacts").
        name = f"{name}:{name}.gradle.plugin" if plugins else name
        yield Requirement(name=name, wanted=version, direct=False)


def _version(value: Plain, versions: Mapping[str, Plain]) -> str:
    if isinstance(value, Mapping) and "ref" in value:
        value = versions.get(word(value["ref"], "version.ref"))
    if isinstance(value, Mapping):
        value = value.get("strictly") or value.get("require") or value.get("prefer")
    return word(value, "version") or UNTOLD
