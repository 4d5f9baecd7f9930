"""Go: `go.mod`, which fixes versions itself, and `go.sum`, which has their hashes."""

import re
from collections.abc import Iterator

from penstock.core.dependencies.facts import DependencyFile, Ecosystem, Locked, Requirement, Role
from penstock.core.dependencies.parsing import UnreadableError, lines_of

_BLOCK = re.compile(r"(\w+)\s*\(")
_REQUIRE = re.compile(r"(\S+)\s+(v\S+)")
_REPLACE = re.compile(r"(\S+)(?:\s+v\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?")
_SUM = re.compile(r"(\S+) (v\S+?)(/go\.mod)? (h1:[A-Za-z0-9+/=]+)")


def read_module(path: str, content: bytes) -> DependencyFile:
    required: dict[str, tuple[str, bool]] = {}
    replaced: dict[str, Locked] = {}
    for number, verb, text, indirect in _directives(content):
        if verb == "require":
            if not (match := _REQUIRE.fullmatch(text)):
                raise UnreadableError(f"line {number}: no module and version")
            required[_unquoted(match[1])] = (match[2], not indirect)
        elif verb == "replace":
            if not (found := _REPLACE.fullmatch(text)):
                raise UnreadableError(f"line {number}: no replacement")
            local = found[3] is None
            replaced[_unquoted(found[1])] = Locked(
                name=_unquoted(found[2]), version=found[3] or "", local=local
            )
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.GO,
        role=Role.MANIFEST,
        requirements=tuple(
            Requirement(name=name, wanted=version, direct=direct)
            for name, (version, direct) in required.items()
        ),
        locked=tuple(
            replaced.get(name) or Locked(name=name, version=version)
            for name, (version, _) in required.items()
        ),
    )


def _directives(content: bytes) -> Iterator[tuple[int, str, str, bool]]:
    """Line, verb, the rest, and whether its comment says `indirect`."""
    block = ""
    for number, line in lines_of(content):
        text, _, comment = (part.strip() for part in line.partition("//"))
        if not text:
            continue
        if block:
            if text == ")":
                block = ""
            else:
                yield number, block, text, comment.startswith("indirect")
        elif opening := _BLOCK.fullmatch(text):
            block = opening[1]
        else:
            verb, _, rest = text.partition(" ")
            yield number, verb, rest.strip(), comment.startswith("indirect")


def _unquoted(text: str) -> str:
    return text.strip('"`')


def read_sums(path: str, content: bytes) -> DependencyFile:
    found: dict[tuple[str, str], list[str]] = {}
    for number, line in lines_of(content):
        if not line.strip():
            continue
        match = _SUM.fullmatch(line.strip())
        if not match:
            raise UnreadableError(f"line {number}: no module, version and hash")
        kind = "mod" if match[3] else "zip"
        found.setdefault((match[1], match[2]), []).append(f"{kind}-{match[4]}")
    return DependencyFile(
        path=path,
        ecosystem=Ecosystem.GO,
        role=Role.SUMS,
        locked=tuple(
            Locked(name=name, version=version, hashes=tuple(hashes))
            for (name, version), hashes in found.items()
        ),
        hashed=True,
    )
