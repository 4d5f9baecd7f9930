"""Bundler: `Gemfile`, as far as it is no code, and `Gemfile.lock`."""

import re
from collections.abc import Iterator

from penstock.core.dependencies.facts import UNTOLD, DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import UnreadableError, host_of, lines_of

_GEM = re.compile(r"""\s*gem[ (]\s*["']([\w.-]+)["'](.*)""")
_WANTED = re.compile(r"""\s*,\s*["']([^"']*)["']""")
_GIT = re.compile(r"""\b(git|github|gitlab|bitbucket)(?::|["']?\s*=>)\s*["']([^"']+)["']""")
_SOURCE = re.compile(r"""\s*source[ (]\s*["']([^"']+)["'].*""")
_GROUP = re.compile(r"\s*group\b(.*)\bdo\b.*")
_HOSTS = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}


def read_manifest(path: str, content: bytes) -> DependencyFile:
    found: list[Requirement] = []
    hosts: list[str] = []
    dev = False
    for _, line in lines_of(content):
        text = line.partition(" #")[0]
        if source := _SOURCE.fullmatch(text):
            hosts.append(host_of(source[1]))
        elif group := _GROUP.fullmatch(text):
            dev = _for_development(group[1])
        elif text.strip() == "end":
            dev = False
        elif gem := _GEM.fullmatch(text):
            found.append(_requirement(gem[1], gem[2], dev=dev))
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.RUBYGEMS,
        role=Role.MANIFEST,
        requirements=tuple(found),
        hosts=tuple(hosts),
        partial=True,
    )


def _for_development(groups: str) -> bool:
    names = re.findall(r":(\w+)", groups)
    return bool(names) and set(names) <= {"development", "test"}


def _requirement(name: str, rest: str, *, dev: bool) -> Requirement:
    wanted: list[str] = []
    end = 0
    while match := _WANTED.match(rest, end):
        wanted.append(match[1])
        end = match.end()
    git = _GIT.search(rest, end)
    host = (_HOSTS.get(git[1]) or host_of(git[2])) if git else ""
    own = re.search(r"\bgroups?:(.*)", rest)
    return Requirement(
        name=name,
        wanted=UNTOLD if re.search(r"\b(?:if|unless)\b", rest) else _ordered(wanted),
        dev=dev or (own is not None and _for_development(own[1])),
        host=host,
    )


def _ordered(wanted: list[str]) -> str:
    """The same text however it is written; a bare version means exactly that one."""
    parts = (part.strip() for text in wanted for part in text.split(","))
    return ", ".join(sorted(part if part[:1] in "~<>=!" else f"= {part}" for part in parts if part))


_SPEC = re.compile(r"    ([\w.-]+) \(([^()\s]+)\)")
_ASKED = re.compile(r"  ([\w.-]+)(?: \(([^()]+)\))?(!?)")
_CHECKSUM = re.compile(r"  ([\w.-]+) \(([^()\s]+)\)(?: (\S+))?")


def read_lock(path: str, content: bytes) -> DependencyFile:
    section, facts = "", {"remote": "", "revision": ""}
    specs: list[Locked] = []
    asked: list[Requirement] = []
    sums: dict[tuple[str, str], tuple[str, ...]] = {}
    sections: set[str] = set()
    for number, line in lines_of(content):
        if re.fullmatch(r"[A-Z][A-Z ]*", line):
            section, facts = line, {"remote": "", "revision": ""}
            sections.add(section)
        elif fact := re.fullmatch(r"  (remote|revision): (\S+)", line):
            facts[fact[1]] = fact[2]
        elif section in {"GEM", "GIT", "PATH"} and (spec := _SPEC.fullmatch(line)):
            specs.append(_locked(section, spec[1], _bare(spec[2]), facts))
        elif section == "DEPENDENCIES" and (ask := _ASKED.fullmatch(line)):
            asked.append(Requirement(name=ask[1], wanted=_ordered([ask[2] or ""])))
        elif section == "CHECKSUMS" and (found := _CHECKSUM.fullmatch(line)):
            key = (found[1], _bare(found[2]))
            sums[key] = (*sums.get(key, ()), *((found[3].replace("=", ":", 1),) if found[3] else ()))
        elif line.strip() and not section:
            raise UnreadableError(f"line {number}: in no section")
    if "GEM" not in sections and "DEPENDENCIES" not in sections:
        raise UnreadableError("no lock file: it has no section `GEM` or `DEPENDENCIES`")
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.RUBYGEMS,
        role=Role.LOCKFILE,
        locked=tuple(_summed(specs, sums)),
        recorded=(("", tuple(asked)),),
        hashed="CHECKSUMS" in sections,
    )


def _bare(version: str) -> str:
    """Without the platform that a gem was built for."""
    return version.partition("-")[0]


def _locked(section: str, name: str, version: str, facts: dict[str, str]) -> Locked:
    return Locked(
        name=name,
        version=version,
        hosts=(host_of(facts["remote"]),) if ":" in facts["remote"] else (),
        local=section == "PATH",
        hashes=(f"git:{facts['revision']}",) if facts["revision"] else (),
    )


def _summed(specs: list[Locked], sums: dict[tuple[str, str], tuple[str, ...]]) -> Iterator[Locked]:
    for spec in specs:
        yield Locked(
            name=spec.name,
            version=spec.version,
            hosts=spec.hosts,
            local=spec.local,
            hashes=(*spec.hashes, *sums.get((spec.name, spec.version), ())),
        )
