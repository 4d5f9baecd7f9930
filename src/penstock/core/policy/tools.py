"""Versions of tools that a policy requires, and what changed files declare of them.

Versions are intervals of four numbers. What cannot be told (a channel such as `lts/*`, a matrix, a pre-release) is said
to be so.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import tomli

from penstock.core.document import nearest
from penstock.core.evidence import Declared, DiffFacts, Host
from penstock.core.policy.rules import Policy
from penstock.core.verdict import Verdict, all_of, blocked, passed, unknown, warned

Version = tuple[int, int, int, int]
MAX_TEXT = 200
"""Characters of a version, or of a line that declares one."""
_NONE: Version = (0, 0, 0, 0)
_ABOVE_ALL: Version = (1 << 62, 0, 0, 0)


class Known(StrEnum):
    """Where the version of a tool can be read: in files of a repository, on Penstock's own host, or nowhere."""

    FILES = "files"
    HOST = "host"
    NOWHERE = "nowhere"


TOOLS = {
    "node": Known.FILES,
    "python": Known.FILES,
    "go": Known.FILES,
    "ruby": Known.FILES,
    "java": Known.FILES,
    "git": Known.HOST,
    "bwrap": Known.HOST,
    "gh": Known.NOWHERE,
}
HOST_TOOLS = tuple(tool for tool, known in TOOLS.items() if known is Known.HOST)
FILE_TOOLS = tuple(tool for tool, known in TOOLS.items() if known is Known.FILES)
_FILES = {
    ".python-version": "python",
    ".nvmrc": "node",
    ".node-version": "node",
    ".go-version": "go",
    ".ruby-version": "ruby",
    ".java-version": "java",
}
_ASDF = {"nodejs": "node", "golang": "go"} | {name: name for name in ("python", "node", "go", "ruby", "java")}
_SETUP = re.compile(r"""(?:^|[\s{,"'])(node|python|go|ruby|java)-version["']? ?: ?(.{1,200})""")
_REQUIREMENT = re.compile(r"([a-z][a-z0-9-]{0,31})_version ?((?:==|>=|<=|>|<|~=|\^|~) ?[0-9x.*]{1,60})")


def rule_of(tool: str) -> str:
    """The id of the rule that judges a tool's version."""
    return f"{tool}_version"


def requirement(text: str) -> tuple[str, str] | None:
    """`gh_version>=2.0.0` as (tool, versions); None where it is none. Raises ValueError for a tool that is not known."""
    match = _REQUIREMENT.fullmatch(text)
    if not match:
        return None
    tool, versions = match[1], match[2]
    if tool not in TOOLS:
        near = nearest(rule_of(tool), [rule_of(name) for name in TOOLS])
        hint = f"did you mean `{near}`?" if near else f"there are {', '.join(map(rule_of, TOOLS))}"
        raise ValueError(f"the version of `{tool}` cannot be required; {hint}")
    return tool, versions_text(versions)


def versions_text(text: str) -> str:
    """Versions as a policy may name them: `20.x`, `3.11`, `>=2.0.0`. Raises ValueError."""
    if intervals(text) is None:
        raise ValueError(f"`{text[:80]}` is no version or range, such as `20.x`, `3.11` or `>=2.0.0`")
    return text


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` on, and below `high`."""

    low: Version
    high: Version

    def within(self, other: "Interval") -> bool:
        return other.low <= self.low and self.high <= other.high

    def meets(self, other: "Interval") -> bool:
        return max(self.low, other.low) < min(self.high, other.high)


def intervals(text: str) -> tuple[Interval, ...] | None:
    """The versions that a text allows, alternatives apart; None where that cannot be told."""
    if len(text) > MAX_TEXT:
        return None
    found = [_all(alternative) for alternative in text.split("||")]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


_PART = re.compile(r"(===?|>=|<=|~=|>|<|\^|~)? ?[vV]?([0-9]+(?:\.[0-9]+){0,3})?((?:\.[xX*])*|[xX*])")


def _all(text: str) -> Interval | None:
    """Where comparisons hold together."""
    low, high = _NONE, _ABOVE_ALL
    joined = re.sub(r"(===?|>=|<=|~=|>|<|\^|~)\s+", r"\1", text.strip())
    for part in re.split(r"[,\s]+", joined):
        one = _one(part)
        if one is None:
            return None
        low, high = max(low, one.low), min(high, one.high)
    return Interval(low, high) if low < high else None


def _one(part: str) -> Interval | None:
    match = _PART.fullmatch(part)
    if not match or not part:
        return None
    sign, digits, wild = match[1] or "", match[2] or "", match[3]
    if not digits:
        return Interval(_NONE, _ABOVE_ALL) if wild and not sign else None
    if any(len(number) > 9 for number in digits.split(".")):
        return None
    numbers = [int(number) for number in digits.split(".")]
    return _compared(sign, numbers)


def _compared(sign: str, numbers: list[int]) -> Interval | None:
    """By the numbers that are given: `20` is every 20, `>20` begins at 21."""
    low, after = _filled(numbers), _raised(numbers, len(numbers) - 1)
    match sign:
        case "" | "==" | "===":
            return Interval(low, after)
        case ">=":
            return Interval(low, _ABOVE_ALL)
        case "<":
            return Interval(_NONE, low) if low > _NONE else None
        case ">" if len(numbers) >= 3:
            return Interval(after, _ABOVE_ALL)
        case "<=" if len(numbers) >= 3:
            return Interval(_NONE, after)
        case "^":
            first = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
            return Interval(low, _raised(numbers, first))
        case "~":
            return Interval(low, _raised(numbers, min(1, len(numbers) - 1)))
        case "~=" if len(numbers) >= 2:
            return Interval(low, _raised(numbers, len(numbers) - 2))
        case _:
            return None  # PEP 440 and npm mean different things by `>20` and `<=20`


def _filled(numbers: list[int]) -> Version:
    one, two, three, four = (*numbers, 0, 0, 0)[:4]
    return one, two, three, four


def _raised(numbers: list[int], at: int) -> Version:
    return _filled([*numbers[:at], numbers[at] + 1])


def contradicts(wider: str, narrower: str) -> bool:
    """Does `narrower` allow a version that `wider` does not; both are versions as a policy names them."""
    outer, inner = intervals(wider) or (), intervals(narrower) or ()
    return not all(any(one.within(other) for other in outer) for one in inner)


def declared(path: str, content: bytes | None) -> tuple[Declared, ...]:
    """What a file says of tools' versions; nothing where it is none of those that do, or cannot be read."""
    name = path.rpartition("/")[2]
    if content is None or not _may_declare(path, name):
        return ()
    text = content.decode(errors="replace")
    return tuple(dict.fromkeys(_declared(name, text)))


def _may_declare(path: str, name: str) -> bool:
    workflow = path.startswith(".github/workflows/") or name in {"action.yml", "action.yaml"}
    return name in _FILES or name in {".tool-versions", "pyproject.toml", "package.json"} or workflow


def _declared(name: str, text: str) -> Iterator[Declared]:
    if name in _FILES:
        lines = (line.strip() for line in text.splitlines())
        yield from (
            Declared(tool=_FILES[name], text=line[:MAX_TEXT]) for line in lines if line and line[0] != "#"
        )
    elif name == ".tool-versions":
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if words and words[0] in _ASDF:
                yield from (Declared(tool=_ASDF[words[0]], text=word[:MAX_TEXT]) for word in words[1:])
    elif name == "pyproject.toml":
        yield from _ranges("python", _member(_toml(text), "project", "requires-python"))
    elif name == "package.json":
        yield from _ranges("node", _member(_json(text), "engines", "node"))
    else:
        yield from _set_up(text)


def _ranges(tool: str, value: object) -> Iterator[Declared]:
    if isinstance(value, str):
        yield Declared(tool=tool, text=value[:MAX_TEXT], range=True)


def _member(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _toml(text: str) -> object:
    try:
        return tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError):
        return None  # that it does not parse is a fact of its own


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _set_up(text: str) -> Iterator[Declared]:
    """`python-version: "3.11"` and its likes in workflow files; a list gives each of its members."""
    for line in text.splitlines():
        match = _SETUP.search(line[:MAX_TEXT])
        if not match:
            continue
        value = match[2].partition(" #")[0].strip()
        whole = value.startswith("${{") or not value.startswith("[")
        parts = [value] if whole else value.strip("[] ").split(",")
        for part in parts:
            if bare := part.strip().strip("}\"' ") if not part.startswith("${{") else part:
                yield Declared(tool=match[1], text=bare)


def lacking(host: Host, policy: Policy) -> tuple[Verdict, ...]:
    """A leaf for each program of this host that is not as the policy requires, or tells no version."""
    asked = (_on_host(host, tool, wanted) for tool, wanted in policy.tools if TOOLS[tool] is Known.HOST)
    return tuple(leaf for leaf in asked if not leaf.allows)


def untold(policy: Policy) -> tuple[str, ...]:
    """Requirements of tools whose version can be read nowhere: each warns with every change."""
    return tuple(f"{rule_of(tool)} {wanted}" for tool, wanted in policy.tools if TOOLS[tool] is Known.NOWHERE)


def judge_tools(facts: DiffFacts, policy: Policy) -> Verdict:
    """One leaf for each requirement and each declaration that a changed file brings."""
    if not policy.tools:
        return passed("tool_versions", "the policy requires no version of a tool")
    return all_of("tool_versions", (_judge(facts, tool, wanted) for tool, wanted in policy.tools))


def _judge(facts: DiffFacts, tool: str, wanted: str) -> Verdict:
    match TOOLS[tool]:
        case Known.HOST:
            return _on_host(facts.host, tool, wanted)
        case Known.NOWHERE:
            where = f"unknown, since nothing that can be read says which {tool} runs there"
            return warned(rule_of(tool), f"{wanted}: {where}")
        case Known.FILES:
            return _in_files(facts, tool, wanted)


def _on_host(host: Host, tool: str, wanted: str) -> Verdict:
    rule, there = rule_of(tool), dict(host).get(tool)
    theirs, ours = intervals(there or "") or (), intervals(wanted) or ()
    if not theirs:
        return unknown(rule, f"{wanted} is required, and `{tool} --version` tells none here")
    if all(any(mine.within(other) for other in ours) for mine in theirs):
        return passed(rule, f"{there} of this host is {wanted}")
    return blocked(rule, f"{wanted} is required, and this host has {there}")


def _in_files(facts: DiffFacts, tool: str, wanted: str) -> Verdict:
    rule = rule_of(tool)
    found = [(fact.path, one) for fact in facts.files for one in fact.tools if one.tool == tool]
    if not found:
        return passed(rule, "no changed file says anything new of it")
    return all_of(rule, (_fits(rule, path, one, wanted) for path, one in found))


def _fits(rule: str, path: str, one: Declared, wanted: str) -> Verdict:
    """A version must lie within what is wanted; a range must have something in common with it."""
    theirs, ours = intervals(one.text), intervals(wanted) or ()
    said = f"{path}: {one.text[:60]}"
    if theirs is None:
        return unknown(rule, f"{said}: whether that is {wanted} cannot be told")
    if not any(mine.meets(other) for mine in theirs for other in ours):
        return blocked(rule, f"{said} is not {wanted}")
    if one.range or all(any(mine.within(other) for other in ours) for mine in theirs):
        return passed(rule, f"{said} fits {wanted}")
    return unknown(rule, f"{said}: whether that is {wanted} cannot be told")
