"""The one door through which refs change, from REST, from a push and from a merge.

A change is journalled as *intended*, then git moves the ref, then it is *settled*: looked up in git, marked done
(or dropped), and its events are written, in one transaction. A process killed in between settles it at the next
start. Git is never told by the database where a ref is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from localforge.errors import ConflictError, InvalidError
from localforge.events import ZERO_SHA, CreateEvent, DeleteEvent, Push
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir, GitError
from localforge.git.statistics import languages, size_kb
from localforge.json_types import Json, JsonObject
from localforge.store import repos
from localforge.store.database import Tx
from localforge.store.repos import RefChange

Settler: TypeAlias = Callable[[Forge, Tx, RefChange], None]

PUSH: JsonObject = {"kind": "push"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A ref goes from one object to another; 40 zeros stand for absence."""

    ref: str
    before: str
    after: str

    @property
    def creates(self) -> bool:
        """Whether the ref did not exist."""
        return self.before == ZERO_SHA

    @property
    def deletes(self) -> bool:
        """Whether the ref will not exist."""
        return self.after == ZERO_SHA


# By the cause's kind: what else is written when a ref change of that kind has happened (a merge marks its pull
# request merged). Filled by `running` from the areas, so that a change settled after a crash is settled alike.
SETTLERS: dict[str, Settler] = {}

# What else follows from every ref change, in the same transaction: pull requests go with their branches.
FOLLOWERS: list[Settler] = []


def move(forge: Forge, repo_id: int, moves: Sequence[Move], actor_id: int, cause: JsonObject = PUSH) -> None:
    """Move refs, all or none. 409 when one is not where `before` says; the caller has judged the right to."""
    with forge.ref_lock(repo_id):
        git = forge.git(repo_id)
        changes = intend(forge, repo_id, moves, actor_id, cause)
        try:
            git.run("update-ref", "--stdin", stdin="".join(map(_command, moves)).encode())
        except GitError as error:
            raise _refusal(git, moves, error) from error
        finally:
            settle(forge, changes)


def intend(
    forge: Forge, repo_id: int, moves: Sequence[Move], actor_id: int, cause: JsonObject
) -> list[RefChange]:
    """Journal what is about to happen. The caller holds the repository's ref lock until it is settled."""
    with forge.store.write() as tx:
        at = forge.clock()
        return [_journal(tx, repo_id, item, actor_id, cause, at) for item in moves]


def settle(forge: Forge, changes: Sequence[RefChange]) -> list[RefChange]:
    """Compare intended changes with git and record those that happened, with their events. Returns these."""
    if not changes:
        return []
    done = [change for change in changes if _happened(forge.git(change.repo_id), change)]
    statistics = {
        repo_id: _statistics(forge.git(repo_id), done) for repo_id in {change.repo_id for change in done}
    }
    with forge.store.write() as tx:
        for change in changes:
            happened = change in done
            tx.update("ref_change", change.id, state="done" if happened else "dropped")
            if happened:
                _publish(forge, tx, change)
        for repo_id, columns in statistics.items():
            tx.update("repository", repo_id, pushed_at=forge.clock(), **columns)
    return done


def recover(forge: Forge) -> None:
    """Settle what an earlier process left open. Before any request is served."""
    for change in repos.open_changes(forge.store.db):
        settle(forge, [change])


def _journal(tx: Tx, repo_id: int, item: Move, actor_id: int, cause: JsonObject, at: str) -> RefChange:
    row_id = tx.insert(
        "ref_change",
        repo_id=repo_id,
        ref=item.ref,
        before=item.before,
        after=item.after,
        actor_id=actor_id,
        cause=cause,
        state="intended",
        at=at,
    )
    return RefChange(
        id=row_id,
        repo_id=repo_id,
        ref=item.ref,
        before=item.before,
        after=item.after,
        actor_id=actor_id,
        cause=cause,
        state="intended",
        at=at,
    )


def _happened(git: GitDir, change: RefChange) -> bool:
    found = refnames.ref(git, change.ref)
    return (found.sha if found else ZERO_SHA) == change.after != change.before


def _publish(forge: Forge, tx: Tx, change: RefChange) -> None:
    if change.ref.startswith((refnames.BRANCH, refnames.TAG)):
        about = {"repo_id": change.repo_id, "actor_id": change.actor_id}
        if change.before == ZERO_SHA:
            tx.emit(CreateEvent(ref=change.ref, **about))
        tx.emit(Push(ref=change.ref, before=change.before, after=change.after, **about))
        if change.after == ZERO_SHA:
            tx.emit(DeleteEvent(ref=change.ref, **about))
    settler = SETTLERS.get(str(change.cause["kind"]))
    if settler:
        settler(forge, tx, change)
    for follower in FOLLOWERS:
        follower(forge, tx, change)


def _statistics(git: GitDir, done: Sequence[RefChange]) -> dict[str, Json]:
    """The repository's columns that follow from git, when its default branch is among what moved."""
    default = refnames.BRANCH + refnames.head_branch(git)
    if all(change.ref != default for change in done):
        return {}
    return {"languages": languages(git), "size_kb": size_kb(git)}


def _command(item: Move) -> str:
    if item.deletes:
        return f"delete {item.ref} {item.before}\n"
    return f"update {item.ref} {item.after} {item.before}\n"


def _refusal(git: GitDir, moves: Sequence[Move], error: GitError) -> ConflictError | InvalidError:
    for item in moves:
        found = refnames.ref(git, item.ref)
        present = found.sha if found else ZERO_SHA
        if present != item.before:
            name = item.ref.removeprefix(refnames.BRANCH)
            return ConflictError(f"{name} is at {present} but expected {item.before}")
    return InvalidError(f"Reference cannot be updated: {error.stderr}")
