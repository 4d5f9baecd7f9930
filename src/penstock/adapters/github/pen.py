"""The hand of one write: where it goes, who writes, what it can look at, and the flag that stops it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from pydantic import BaseModel

from penstock.adapters.github import wire
from penstock.adapters.github.account import repo_path
from penstock.adapters.github.facts import login_of, same_login
from penstock.adapters.github.once import once
from penstock.adapters.github.reader import GitHubReader
from penstock.adapters.github.writing import Mutation, WriteClient
from penstock.core.refs import RepoRef
from penstock.core.write import NotWritten, Written
from penstock.ports import Clock, StopFlag

A = TypeVar("A", bound=BaseModel)
Outcome: TypeAlias = Written | NotWritten


class _Regardless:
    def wanted(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """`repo` is the write's repository by its present name."""

    repo: RepoRef
    look: GitHubReader
    client: WriteClient
    stop: StopFlag
    clock: Clock

    def login(self) -> str:
        """Who writes: markers and pull requests of others never count."""
        return self.look.viewer()

    def path(self, *parts: str | int) -> str:
        return repo_path(self.repo, *parts)

    def branch(self, name: str) -> str:
        return self.path("git", "refs", "heads", *name.split("/"))

    def pulls(self, branch: str) -> Iterator[wire.ListedPull]:
        """Our own pull requests from a branch, in any state, newest first."""
        me = self.login()
        return (pull for pull in self.look.pulls_of(self.repo, branch) if same_login(login_of(pull.user), me))

    def send(self, mutation: Mutation, kind: type[A]) -> A:
        return self.client.send(mutation, kind, self.stop)

    def take_back(self, mutation: Mutation) -> None:
        """Undo what this very write has just done too late. Whoever lost the change meanwhile has to do so all the
        same: nobody else knows of it."""
        self.client.send(mutation, wire.Anything, _Regardless())

    def once(self, look: Callable[[], Outcome | None], write: Callable[[], Outcome]) -> Outcome:
        return once(look, write, self.clock)
