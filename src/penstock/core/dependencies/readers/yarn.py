"""Yarn: `yarn.lock`, of version 1 (a format of its own) and later (YAML)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Locked, Recorded, Requirement, Role
from penstock.core.dependencies.parsing import (
    Plain,
    UnreadableError,
    host_of,
    lines_of,
    table,
    word,
    yaml_of,
)
from penstock.core.dependencies.readers.npm import aliased, commit_of, sri

_PATTERN = re.compile(r"((?:@[^/@]+/)?[^/@]+)@(.*)")
_FACT = re.compile(r'  "?([\w-]+)"? (.+)')
_LOCAL = ("workspace:", "link:", "portal:", "file:", "patch:")


def read(path: str, content: bytes) -> DependencyFile:
    later = any(line.startswith("__metadata:") for _, line in lines_of(content))
    locked, answers, recorded = _later(content) if later else _first(content)
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.NPM,
        role=Role.LOCKFILE,
        locked=locked,
        answers=answers,
        recorded=recorded,
        hashed=True,
    )


Found = tuple[tuple[Locked, ...], frozenset[tuple[str, str]] | None, Recorded | None]


@dataclass(slots=True)
class _Entry:
    """The requirements that an entry answers, and what it says."""

    answers: list[tuple[str, str]]
    facts: dict[str, str] = field(default_factory=dict)


def _first(content: bytes) -> Found:
    entries: list[_Entry] = []
    for number, line in lines_of(content):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            entries.append(_Entry([_split(p) for p in line.rstrip(":").replace('"', "").split(", ")]))
        elif not entries:
            raise UnreadableError(f"line {number}: a fact of no package")
        elif fact := _FACT.fullmatch(line):
            entries[-1].facts[fact[1]] = fact[2].strip('"')
    answers = frozenset(answer for entry in entries for answer in entry.answers)
    return tuple(_first_locked(entry) for entry in entries), answers, None


def _split(pattern: str) -> tuple[str, str]:
    match = _PATTERN.fullmatch(pattern)
    if not match:
        raise UnreadableError(f"no `name@range`: {pattern[:80]}")
    return aliased(match[1], match[2])


def _first_locked(entry: _Entry) -> Locked:
    name, wanted = entry.answers[0]
    address = entry.facts.get("resolved", "")
    sha1 = re.search(r"#([0-9a-f]{40})$", address)
    return Locked(
        name=name,
        version=entry.facts.get("version", ""),
        hosts=(host_of(address),) if ":" in address else (),
        local=wanted.startswith(_LOCAL),
        hashes=sri(entry.facts.get("integrity", ""))
        or commit_of(address)
        or ((f"sha1:{sha1[1]}",) if sha1 else ()),
    )


def _later(content: bytes) -> Found:
    entries = [
        (key, table(value, key))
        for document in yaml_of(content)
        for key, value in table(document).items()
        if key != "__metadata"
    ]
    recorded = tuple(
        (folder, tuple(_asked(facts))) for _, facts in entries if (folder := _workspace(facts)) is not None
    )
    locked = (_later_locked(key, facts) for key, facts in entries if _workspace(facts) is None)
    return tuple(locked), None, recorded


def _workspace(facts: Mapping[str, Plain]) -> str | None:
    """The folder of a part of the repository itself; None for every other package."""
    folder = word(facts.get("resolution"), "resolution").partition("@workspace:")
    return ("" if folder[2] == "." else folder[2]) if folder[1] else None


def _asked(facts: Mapping[str, Plain]) -> Iterator[Requirement]:
    """Yarn keeps what is for development among the dependencies."""
    for name, wanted in table(facts.get("dependencies"), "dependencies").items():
        real, text = aliased(name, word(wanted, name))
        yield Requirement(name=real, wanted=text.removeprefix("npm:"))


def _later_locked(key: str, facts: Mapping[str, Plain]) -> Locked:
    name, where = _split(word(facts.get("resolution"), key) or key.partition(",")[0])
    checksum = word(facts.get("checksum"), key).rpartition("/")[2]
    return Locked(
        name=name,
        version=word(facts.get("version"), key),
        hosts=(host_of(where),) if "://" in where else (),
        local=where.startswith(_LOCAL),
        hashes=(*((f"yarn:{checksum}",) if checksum else ()), *commit_of(where)),
    )
