"""Requirement files of pip: `requirements*.txt`, `.in` and `.lock`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import UnreadableError, host_of, lines_of

_INDEX = re.compile(r"(?:-i|-f|--index-url|--extra-index-url|--find-links)(?:\s+|=)(\S+)")
_HASH = re.compile(r"\s--hash[= ]\s*(\w+):([0-9a-fA-F]+)")
_OPTION = re.compile(r"\s--?[a-z][\w-]*(?:[= ]\S+)?")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NAMED = re.compile(r"[#&]egg=([\w.-]+)")
LONGEST = 4096
MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One requirement as PEP 508 reads it. `pin` is the one version that it allows, else empty."""

    name: str
    wanted: str = ""
    pin: str = ""
    url: str = ""

    @property
    def host(self) -> str:
        return host_of(self.url) if self.url else ""


def asked(text: str) -> Asked:
    """Raises UnreadableError for what is no requirement."""
    if len(text) > LONGEST:
        raise UnreadableError(f"a requirement longer than {LONGEST} characters")
    try:
        parsed = Parsed(text)
    except (InvalidRequirement, ValueError, RecursionError) as error:
        raise UnreadableError(f"no requirement: {text[:80]}") from error
    return Asked(
        name=parsed.name, wanted=ordered(parsed.specifier), pin=_pin(parsed.specifier), url=parsed.url or ""
    )


def ordered(specifier: SpecifierSet) -> str:
    """The same text for the same set."""
    return ",".join(sorted(str(part) for part in specifier))


def _pin(specifier: SpecifierSet) -> str:
    exact = [s.version for s in specifier if s.operator in {"==", "==="} and not s.version.endswith(".*")]
    return exact[0] if len(exact) == 1 else ""


def read(path: str, content: bytes) -> DependencyFile:
    """A lock file where every line fixes a version or one has a hash, else a manifest."""
    hosts: list[str] = []
    found: list[tuple[Asked, tuple[str, ...]]] = []
    for number, line in _logical(content):
        if index := _INDEX.fullmatch(line):
            hosts.append(host_of(index[1]))
        elif not line.startswith("-") or line.startswith(("-e ", "--editable")):
            found.append(_line(number, line))
        if len(found) > MOST:
            raise UnreadableError(f"more than {MOST} requirements")
    dev = re.search("dev|test|lint|doc", path.rpartition("/")[2]) is not None
    exact = bool(found) and all(a.pin or hashes for a, hashes in found) and not path.endswith(".in")
    locks = exact or any(hashes for _, hashes in found)
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.PYPI,
        role=Role.LOCKFILE if locks else Role.MANIFEST,
        requirements=tuple(
            Requirement(name=a.name, wanted=a.wanted, dev=dev, host=a.host) for a, _ in found if not locks
        ),
        locked=tuple(
            Locked(
                name=a.name,
                version=a.pin,
                dev=dev,
                hosts=(a.host,) if a.url else tuple(hosts),
                local=a.url.startswith((".", "/", "file:")),
                hashes=hashes,
            )
            for a, hashes in found
            if locks or a.pin
        ),
        hosts=tuple(hosts),
        hashed=locks,
    )


def _logical(content: bytes) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined, without comments; empty ones left out."""
    waiting: list[str] = []
    for number, line in lines_of(content):
        bare = _COMMENT.sub("", line).rstrip()
        waiting.append(bare.removesuffix("\\"))
        if not bare.endswith("\\"):
            whole = " ".join(waiting).strip()
            waiting.clear()
            if whole:
                yield number, whole
    if rest := " ".join(waiting).strip():
        yield 0, rest


def _line(number: int, line: str) -> tuple[Asked, tuple[str, ...]]:
    hashes = tuple(f"{kind}:{value.lower()}" for kind, value in _HASH.findall(line))
    bare = _OPTION.sub("", _HASH.sub("", line.removeprefix("--editable").removeprefix("-e"))).strip()
    if re.match(r"(?:[\w+]+:|\.|/)", bare) and " @ " not in bare:
        name = _NAMED.search(bare)
        commit = re.search(r"@([0-9a-f]{40})\b", bare)
        fixed = (*hashes, *((f"git:{commit[1]}",) if commit else ()))
        last = re.split(r"[/\\]", bare.rstrip("/").partition("#")[0])[-1].partition("-")[0]
        return Asked(name=name[1] if name else last or ".", url=bare), fixed
    try:
        return asked(bare), hashes
    except UnreadableError as error:
        raise UnreadableError(f"line {number}: {error}") from error
