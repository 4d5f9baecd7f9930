"""CODEOWNERS: who must have approved a change of which paths.

Patterns are matched segment by segment, in time bounded by the product of the lengths: a hostile file costs no more.
Source of the rules: GitHub Docs, "About code owners".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock.core.verdict import Verdict, all_of, passed, pending, unknown

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where the file may be; the first that exists counts."""
MAX_PATTERN = 4096
"""Characters: no path is longer (PATH_MAX of Linux)."""

_COMMENT = re.compile(r"(?<!\\)#")
_BLANK = re.compile(r"[ \t\r]+")
"""What stands between words. Other characters that look like nothing, or end a line elsewhere, are part of one."""
_LOGIN = re.compile(r"@[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(?:/[A-Za-z0-9_.-]{1,100})?")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRule:
    """One line. No owners: these paths are nobody's."""

    line: int
    pattern: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidLine:
    line: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOwners:
    """A parsed file. With invalid lines it cannot be told who owns what, since GitHub skips them."""

    rules: tuple[OwnerRule, ...] = ()
    invalid: tuple[InvalidLine, ...] = ()

    def owners_of(self, path: str) -> tuple[str, ...]:
        """Of the last line that matches."""
        return next((rule.owners for rule in reversed(self.rules) if owns(rule.pattern, path)), ())


def read_owners(text: str) -> CodeOwners:
    """The rules of a CODEOWNERS file, and its lines that are none."""
    rules, invalid = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        words = [word for word in _BLANK.split(_COMMENT.split(line, maxsplit=1)[0]) if word]
        if not words:
            continue
        problem = _problem(words[0], words[1:])
        if problem:
            invalid.append(InvalidLine(line=number, problem=problem))
        else:
            rules.append(OwnerRule(line=number, pattern=words[0], owners=tuple(words[1:])))
    return CodeOwners(rules=tuple(rules), invalid=tuple(invalid))


def _problem(pattern: str, owners: list[str]) -> str:
    if len(pattern) > MAX_PATTERN:
        return f"a pattern of more than {MAX_PATTERN} characters fits no path"
    if not all(word.isprintable() and "\ufffd" not in word for word in (pattern, *owners)):
        return "it has characters that nobody sees, or that are not UTF-8"
    if pattern.startswith("!"):
        return "a pattern cannot be negated with `!`"
    if pattern.startswith("\\#"):
        return "a pattern cannot begin with an escaped `#`"
    strange = [o for o in owners if not (_LOGIN.fullmatch(o) or _ADDRESS.fullmatch(o))]
    return f"`{strange[0][:80]}` is no @user, @organization/team or e-mail address" if strange else ""


def owns(pattern: str, path: str) -> bool:
    """Does a pattern take in this file's path."""
    segments = pattern.split("/")
    below = len(segments) > 1 and not segments[-1]  # `docs/`: what is in it, at any depth
    if below:
        segments = segments[:-1]
    anchored = len(segments) > 1
    if segments[0] == "":
        segments = segments[1:]
    if not segments:
        return False
    if not anchored and segments != ["**"]:
        segments = ["**", *segments]
    return _fits(segments, path.strip("/").split("/"), below=below, lone_star=anchored)


def _fits(pattern: list[str], path: list[str], *, below: bool, lone_star: bool) -> bool:
    """By dynamic programming over (pattern segments, path segments): which prefixes of the path fit so far.

    What fits a whole pattern is also what is below it, except below a last lone `*` of an anchored pattern.
    """
    fitting = {0}
    for segment in pattern:
        if segment == "**":
            fitting = set(range(min(fitting), len(path) + 1)) if fitting else fitting
        else:
            fitting = {at + 1 for at in fitting if at < len(path) and _segment_fits(segment, path[at])}
    if pattern[-1:] == ["**"]:
        below = True
        fitting = {at for at in fitting if at < len(path)} if len(pattern) > 1 else {0}
    if below:
        return any(at < len(path) for at in fitting)
    shallow = lone_star and pattern[-1] == "*"
    return len(path) in fitting if shallow else bool(fitting)


def _segment_fits(pattern: str, name: str) -> bool:
    """`*` and `?` within one segment, a backslash quotes; linear but for the product of both lengths."""
    fitting = {0}
    for piece in re.findall(r"\\.|.", pattern, re.DOTALL):
        if piece == "*":
            fitting = set(range(min(fitting), len(name) + 1))
        else:
            fitting = {
                at + 1 for at in fitting if at < len(name) and piece in {"?", name[at], f"\\{name[at]}"}
            }
        if not fitting:
            return False
    return len(name) in fitting


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Paths that the same owners own; `people`: their logins, in lower case, None where that could not be read."""

    paths: tuple[str, ...]
    owners: tuple[str, ...]
    people: frozenset[str] | None


def owned(
    known: CodeOwners, paths: Iterable[str], people: Mapping[str, frozenset[str] | None]
) -> tuple[Owned, ...]:
    """The changed paths by their owners. `people`: logins behind each owner; one that is missing or None is unknown."""
    by: dict[tuple[str, ...], list[str]] = {}
    for path in sorted(paths):
        if owners := known.owners_of(path):
            by.setdefault(owners, []).append(path)
    return tuple(
        Owned(paths=tuple(of), owners=owners, people=_everybody(owners, people)) for owners, of in by.items()
    )


def _everybody(owners: tuple[str, ...], people: Mapping[str, frozenset[str] | None]) -> frozenset[str] | None:
    found = [people.get(owner) for owner in owners]
    known = [logins for logins in found if logins is not None]
    return frozenset().union(*known) if len(known) == len(found) else None


def named_owners(known: CodeOwners, paths: Iterable[str]) -> frozenset[str]:
    """Every owner of these paths, as the file spells them."""
    return frozenset(owner for path in paths for owner in known.owners_of(path))


def to_be_asked(known: CodeOwners, groups: tuple[Owned, ...]) -> Verdict:
    """Before anybody has approved: whom to ask, if that can be told."""
    return _judged(
        known,
        tuple(
            passed("owner", f"{_shown(group)} must approve ({', '.join(sorted(group.people))})")
            if group.people
            else _unread(group)
            for group in groups
        ),
    )


def judge_owners(known: CodeOwners, groups: tuple[Owned, ...], approvers: frozenset[str]) -> Verdict:
    """Has one owner of each changed path approved. An invalid line, or people that could not be read, is a don't-know.

    `approvers` are logins in lower case.
    """
    return _judged(known, tuple(_judge(group, approvers) for group in groups))


def _judged(known: CodeOwners, groups: tuple[Verdict, ...]) -> Verdict:
    bad = tuple(unknown(f"line {line.line}", f"CODEOWNERS: {line.problem}") for line in known.invalid)
    if not bad and not groups:
        return passed("code_owners", "none of the changed paths has an owner")
    return all_of("code_owners", (*bad, *groups))


def _judge(group: Owned, approvers: frozenset[str]) -> Verdict:
    if group.people is None:
        return _unread(group)
    gave = sorted(group.people & approvers)
    if gave:
        return passed("owner", f"{_shown(group)} approved ({', '.join(gave)})")
    return pending("owner", f"{_shown(group)} must approve")


def _unread(group: Owned) -> Verdict:
    why = "nobody is behind that name" if group.people is not None else "who that is could not be read"
    return unknown("owner", f"{_shown(group)}: {why}")


def _shown(group: Owned) -> str:
    more = " …" if len(group.paths) > 3 else ""
    return f"{', '.join(group.paths[:3])}{more}: {', '.join(group.owners)}"
