"""What is wrong with a CODEOWNERS file."""

from localforge.access import Role, role_on
from localforge.call import Answer, Call, ok
from localforge.errors import NotFoundError
from localforge.git.objects import Commit, Ident
from localforge.json_types import Json
from localforge.operations import Area
from localforge.pulls.owners import PLACES
from localforge.render.commits import account_of
from localforge.rest.commits import found_commit
from localforge.store import accounts, teams

area = Area()


@area("GET", "/repos/{owner}/{repo}/codeowners/errors", "repos/codeowners-errors", needs="contents:read")
def codeowners_errors(call: Call) -> Answer:
    """Each owner that nobody is, or who may not write, with its place; 404 where there is no such file."""
    head = found_commit(call, call.query.get("ref") or "HEAD")
    path, text = _file(call, head)
    errors = [
        error
        for number, line in enumerate(text.splitlines(), start=1)
        for error in _errors(call, path, number, line)
    ]
    return ok({"errors": errors})


def _file(call: Call, head: Commit) -> tuple[str, str]:
    for path in PLACES:
        found = call.git.object(f"{head.sha}:{path}")
        if found and found.kind == "blob":
            return path, found.data.decode("utf-8", "replace")
    raise NotFoundError


def _errors(call: Call, path: str, number: int, line: str) -> list[Json]:
    """GitHub's kinds: a pattern that it does not know, and an owner that is nobody or may not write."""
    words = line.partition("#")[0].split()
    if not words:
        return []
    wrong: list[tuple[str, str, str]] = []
    if words[0].startswith("!") or "[" in words[0]:
        wrong.append(("Invalid pattern", words[0], "use a pattern without `!` and `[ ]`"))
    for owner in words[1:]:
        if not _is_owner(call, owner):
            suggestion = f"make sure {owner} exists and has write access to the repository"
            wrong.append(("Unknown owner", owner, suggestion))
    found: list[Json] = []
    for kind, word, suggestion in wrong:
        column = line.index(word) + 1
        found.append(
            {
                "line": number,
                "column": column,
                "source": f"{line}\n",
                "kind": kind,
                "suggestion": suggestion,
                "message": f"{kind} on line {number}: {suggestion}\n\n  {line}\n  {' ' * (column - 1)}^",
                "path": path,
            }
        )
    return found


def _is_owner(call: Call, owner: str) -> bool:
    if "/" in owner:
        team = teams.named(call.db, owner.removeprefix("@"))
        return team is not None and team.id in {item.id for item in teams.on_repo(call.db, call.repo.id)}
    account = (
        accounts.by_login(call.db, owner[1:])
        if owner.startswith("@")
        else account_of(call.view, Ident(name="", email=owner, seconds=0))
    )
    return account is not None and role_on(call.db, call.repo, account) >= Role.WRITE
