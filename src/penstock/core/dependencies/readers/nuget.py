"""NuGet: project files, `Directory.Packages.props`, `packages.config` and `packages.lock.json`."""

import re
from collections.abc import Iterator, Mapping

from penstock.core.dependencies.facts import UNTOLD, DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import Element, Plain, UnreadableError, json_of, table, word, xml_of

_VERSION = re.compile(r"\[?\s*(\d[\w.+-]*)\s*\]?", re.ASCII)


def read_project(path: str, content: bytes) -> DependencyFile:
    root = xml_of(content)
    found = tuple(
        Requirement(name=name, wanted=_wanted(_said(element, "Version") or _said(element, "VersionOverride")))
        for group in root.below("ItemGroup")
        for element in group.children
        if element.tag == "PackageReference" and (name := element.attributes.get("Include", ""))
    )
    return _manifest(path, found)


def read_central(path: str, content: bytes) -> DependencyFile:
    """The versions that projects may ask for; whether they do, they say themselves."""
    found = tuple(
        Requirement(name=name, wanted=_wanted(_said(element, "Version")), direct=False)
        for group in xml_of(content).below("ItemGroup")
        for element in group.children
        if element.tag in {"PackageVersion", "GlobalPackageReference"}
        and (name := element.attributes.get("Include", ""))
    )
    return _manifest(path, found)


def read_config(path: str, content: bytes) -> DependencyFile:
    found = tuple(
        Requirement(
            name=element.attributes.get("id", ""),
            wanted=_wanted(element.attributes.get("version", "")),
            dev=element.attributes.get("developmentDependency") == "true",
        )
        for element in xml_of(content).below("package")
    )
    return _manifest(path, found)


def _said(element: Element, name: str) -> str:
    return element.attributes.get(name, "") or element.child(name)


def _wanted(version: str) -> str:
    """As the lock file has it: a bare version is the lowest that will do."""
    text = version.strip()
    if not text or "$(" in text:
        return UNTOLD
    return f"[{text}, )" if text[0].isdigit() and "*" not in text else text


def _manifest(path: str, requirements: tuple[Requirement, ...]) -> DependencyFile:
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.NUGET,
        role=Role.MANIFEST,
        requirements=requirements,
        locked=tuple(
            Locked(name=r.name, version=match[1], dev=r.dev)
            for r in requirements
            if (match := _VERSION.fullmatch(r.wanted.removesuffix(", )")))
        ),
    )


def read_lock(path: str, content: bytes) -> DependencyFile:
    data = table(json_of(content))
    if "dependencies" not in data:
        raise UnreadableError("no lock file: it has no `dependencies`")
    frameworks = table(data["dependencies"], "dependencies")
    packages = [
        (name, table(value, name))
        for framework, group in frameworks.items()
        for name, value in table(group, framework).items()
    ]
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.NUGET,
        role=Role.LOCKFILE,
        locked=tuple(_locked(name, facts) for name, facts in packages),
        recorded=(("", tuple(_asked(packages))),),
        hashed=True,
    )


def _locked(name: str, facts: Mapping[str, Plain]) -> Locked:
    content_hash = word(facts.get("contentHash"), f"{name}: contentHash")
    return Locked(
        name=name,
        version=word(facts.get("resolved"), f"{name}: resolved"),
        local=facts.get("type") == "Project",
        hashes=(f"sha512:{content_hash}",) if content_hash else (),
    )


def _asked(packages: list[tuple[str, Mapping[str, Plain]]]) -> Iterator[Requirement]:
    for name, facts in packages:
        if facts.get("type") == "Direct":
            yield Requirement(name=name, wanted=word(facts.get("requested"), f"{name}: requested"))
