"""CODEOWNERS: whose approval a pull request needs for the files it changes."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from localforge.forge import Forge
from localforge.git.diff import changed_files
from localforge.git.directory import GitDir
from localforge.pulls.comparison import compare
from localforge.store import accounts, teams
from localforge.store.database import Db
from localforge.store.pulls import Pull

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line: a pattern, and its owners (`@login`, `@org/team` or an address); none of them: nobody owns it."""

    pattern: str
    owners: tuple[str, ...]


def rules(text: str) -> Iterator[Rule]:
    """The lines of a CODEOWNERS file."""
    for line in text.splitlines():
        words = re.split(r"(?<!\\)#", line, maxsplit=1)[0].split()
        if words:
            yield Rule(pattern=words[0], owners=tuple(words[1:]))


def owners_of(known: Sequence[Rule], path: str) -> tuple[str, ...]:
    """The owners of a path: those of the last line that matches."""
    return next((rule.owners for rule in reversed(known) if matches(rule.pattern, path)), ())


def matches(pattern: str, path: str) -> bool:
    """Whether a CODEOWNERS pattern takes in a path."""
    return _compiled(pattern).fullmatch(path) is not None


def missing_owners(forge: Forge, pull: Pull, approvers: Collection[int]) -> set[tuple[str, ...]]:
    """The groups of owners of changed files of which nobody has approved."""
    git, db = forge.git(pull.repo_id), forge.store.db
    known = list(rules(_file(git, pull.base_ref)))
    found = compare(git, pull.base_sha, pull.head_sha)
    paths = {
        name
        for change in changed_files(git, found.start, found.head)
        for name in (change.path, change.old_path)
        if name
    }
    groups = {owners_of(known, path) for path in paths} - {()}
    return {group for group in groups if not any(_is(db, person, group) for person in approvers)}


def _file(git: GitDir, branch: str) -> str:
    for place in PLACES:
        found = git.object(f"refs/heads/{branch}:{place}")
        if found and found.kind == "blob":
            return found.data.decode("utf-8", "replace")
    return ""


def _is(db: Db, account_id: int, group: tuple[str, ...]) -> bool:
    person = accounts.by_id(db, account_id)
    names = {f"@{person.login}".casefold()} | ({person.email.casefold()} if person.email else set())
    return any(owner.casefold() in names or _in_team(db, account_id, owner) for owner in group)


def _in_team(db: Db, account_id: int, owner: str) -> bool:
    team = teams.named(db, owner.removeprefix("@")) if "/" in owner else None
    return team is not None and account_id in {person.id for person in teams.members(db, team.id)}


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """gitignore's pattern without its negation and classes; one that ends in `/` means what is below."""
    segments = pattern.split("/")
    if segments[0] == "":
        segments = segments[1:]
    elif len(segments) == 1 or segments[1:] == [""]:
        segments = ["**", *segments] if segments[0] != "**" else segments
    if len(segments) > 1 and segments[-1] == "":
        segments[-1] = "**"
    parts, slash = [], False
    for index, segment in enumerate(segments):
        first, last = index == 0, index == len(segments) - 1
        if segment == "**":
            parts.append(
                {(True, True): ".+", (True, False): "(?:.+/)?", (False, True): "/.*"}.get(
                    (first, last), "(?:/.+)?"
                )
            )
            slash = not first
            continue
        parts.append("/" if slash else "")
        parts.append("[^/]+" if segment == "*" else _segment(segment) + ("(?:/.*)?" if last else ""))
        slash = True
    return re.compile("".join(parts), re.DOTALL)


def _segment(text: str) -> str:
    """One path component: `*` and `?` stay within it, a backslash quotes."""
    pieces = re.findall(r"\\.|.", text, re.DOTALL)
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(piece) or re.escape(piece[-1]) for piece in pieces)
