"""A whole Penstock on a real forge, with a scripted agent: everything is true but who proposes, and who is CI."""

import base64
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from penstock.adapters import embedded as embedding
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.owner import this_process
from penstock.bootstrap import Installation
from penstock.core.approval import ApprovalScope
from penstock.core.change.effects import Effect
from penstock.core.change.events import Event
from penstock.core.change.model import Change, Lane, State
from penstock.core.policy.rules import Holder, Toggles, effective
from penstock.core.proposal import Brief, ProposalRefused, Proposed, RecipeCard
from penstock.core.refs import ChangeId, Digest, RepoRef
from penstock.core.signal import RequestSignal
from penstock.core.write import AuthorizedWrite, NotWritten, Written
from penstock.flows import orders
from penstock.flows.discovery import ref_of
from penstock.flows.durable import Durable, Options
from penstock.flows.intake import Started, take_request
from penstock.flows.perform import perform_safely
from penstock.flows.views import pending_digests
from penstock.flows.world import World
from penstock.ports import ForgeWriter, Repositories, StopFlag, Texts
from penstock.settings import Config, Settings

ORG = embedding.ORGANIZATION
WAIT_SECONDS = 30.0
Edit = Callable[[Path], object]


@dataclass
class Script:
    """The agent: edits a checkout as it was told, or refuses. Knows one recipe, `scripted`."""

    mirrors: Repositories
    scratch: Path
    edit: Edit | None = None
    refusal: ProposalRefused | None = None
    briefs: list[Brief] = field(default_factory=list)
    parts: set[str] | None = None
    """Full names of the repositories it has something to do in; None: all."""
    scope: tuple[str, ...] = ("src/**", "*.md")

    def propose(self, brief: Brief) -> Proposed | ProposalRefused:
        self.briefs.append(brief)
        if self.refusal:
            return self.refusal
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            self.mirrors.checkout(brief.repo, brief.base, Path(folder))
            if self.edit:
                self.edit(Path(folder))
            tree = self.mirrors.capture(brief.repo, brief.base, Path(folder))
        return Proposed(tree=tree, backend="scripted", context="sha256:" + "0" * 64, duration_ms=1, repeats=1)

    def matching(self, labels: frozenset[str], title: str) -> tuple[str, ...]:
        return ("scripted",)

    def card(self, name: str) -> RecipeCard | None:
        return RecipeCard(
            name=name,
            title="Scripted",
            description="As the test says.",
            complexity=1,
            allowed_paths=self.scope,
            text="name: scripted\n",
        )

    def takes_part(self, name, full_name, paths, read) -> bool:
        return self.parts is None or full_name in self.parts


def add_line(folder: Path) -> None:
    """The default edit: one more line of code."""
    source = folder / "src" / "a.py"
    source.write_text(source.read_text() + "y = 2\n")


def digest_of(change: Change) -> Digest:
    """Of its only, or first, patch set."""
    patch_set = change.shipping[0].patch_set
    assert patch_set is not None
    return patch_set.digest


def lane_in(change: Change, repo: RepoRef) -> Lane:
    lane = change.lane(repo.node_id)
    assert lane is not None
    return lane


@dataclass
class Interrupted:
    """The true writer; something may happen right before one of its writes."""

    writer: ForgeWriter
    house: "House"

    def apply(self, write: AuthorizedWrite, stop: StopFlag) -> Written | NotWritten:
        before, self.house.before_write = self.house.before_write, None
        if before and not before(write, stop):
            self.house.before_write = before
        return self.writer.apply(write, stop)


class House:
    """Penstock, its forge, and hands for the people outside of it."""

    def __init__(self, state: Path, url_of: embedding.Embedded) -> None:
        self.embedded = url_of
        self.settings = Settings(
            state=state,
            config=Config(version=1),
            writer=None,
            reader=None,
            operator=None,
            webhook_secret=None,
        )
        self.home = Installation(self.settings)
        vars(self.home)["embedded"] = url_of
        self.person = httpx.Client(
            base_url=url_of.url, headers={"authorization": f"Bearer {url_of.operator_token}"}, timeout=30
        )
        (state / "scratch").mkdir(exist_ok=True)
        self.script = Script(self.home.mirrors, state / "scratch", edit=add_line)
        self.holders: tuple[Holder, ...] = ()
        self.before_write: Callable[[AuthorizedWrite, StopFlag], bool] | None = None
        """Called before each write until it answers true, which says that it was the one it is about."""

    def configure(self, config: Config) -> None:
        """Another configuration, as after a restart."""
        self.settings = replace(self.settings, config=config)
        self.home.close()
        self.home = Installation(self.settings)
        vars(self.home)["embedded"] = self.embedded

    def ask(
        self, method: str, path: str, body: object = None, *, expect: int | None = None
    ) -> httpx.Response:
        """What a person does at the forge; fails the test where the forge does not do it."""
        answer = self.person.request(method, path, json=body)
        assert answer.status_code == expect if expect else answer.status_code < 400, (
            f"{method} {path}: {answer.status_code} {answer.text}"
        )
        return answer

    def repository(
        self,
        name: str,
        files: dict[str, str] | None = None,
        *,
        checks: tuple[str, ...] = ("test",),
        strict: bool = False,
    ) -> RepoRef:
        """A new repository with these files in one commit, whose main branch demands the checks."""
        self.ask("POST", f"/orgs/{ORG}/repos", {"name": name, "auto_init": True})
        for path, text in ({"src/a.py": "x = 1\n"} | (files or {})).items():
            self.put(name, path, text)
        if checks:
            self.protect(name, checks, strict=strict)
        facts = next(f for f in self.home.reader.repositories(ORG) if f.full_name == f"{ORG}/{name}")
        return ref_of(self.home.forge_name, facts)

    def protect(self, name: str, checks: tuple[str, ...], *, strict: bool, admins: bool = False) -> None:
        """The main branch demands the checks; `admins`: of administrators, too."""
        self.ask(
            "PUT",
            f"/repos/{ORG}/{name}/branches/main/protection",
            {
                "required_status_checks": {"strict": strict, "contexts": list(checks)},
                "enforce_admins": admins,
                "required_pull_request_reviews": None,
                "restrictions": None,
            },
        )

    def put(self, name: str, path: str, text: str, *, branch: str = "main") -> None:
        """A person's commit, straight onto a branch."""
        url = f"/repos/{ORG}/{name}/contents/{path}"
        there = self.person.get(f"{url}?ref={branch}")
        body: dict[str, object] = {
            "message": f"Edit {path}",
            "content": base64.b64encode(text.encode()).decode(),
            "branch": branch,
        }
        if there.status_code == 200:
            body["sha"] = there.json()["sha"]
        self.ask("PUT", url, body)

    def start(self, *repos: RepoRef, title: str = "Add a line") -> ChangeId:
        signal = RequestSignal(
            recipe="scripted",
            title=title,
            repos=repos,
            requester="operator",
            nonce="-".join((title, *(r.name for r in repos))),
        )
        answer = take_request(self.home.store, signal, self.home.circumstances)
        assert isinstance(answer, Started)
        return answer.change

    def change(self, name: ChangeId) -> Change:
        found = self.home.store.change(name)
        assert isinstance(found, Change)
        return found

    @contextmanager
    def working(
        self, then: Callable[[Effect, Event | None, Texts], Event | None] | None = None
    ) -> Iterator[None]:
        """A worker with the scripted agent. `then` sees each outcome, and says what is recorded of it."""
        world: World = replace(
            self.home.world,
            proposer=self.script,
            recipes=self.script,
            toggles=self.toggles,
            writer=Interrupted(self.home.world.writer, self),
        )
        queue = Queue(self.home.store.database, this_process())

        def perform(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> Event | None:
            outcome = perform_safely(world, effect, change, texts, stop)
            return then(effect, outcome, texts) if then else outcome

        worker = Durable(
            self.home.store,
            queue,
            perform,
            self.home.clock,
            Options(shortest_look=timedelta(seconds=0.05)),
        )
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def toggles(self, repo: RepoRef | None) -> Toggles:
        """What the test sets, beside what Penstock holds itself."""
        self.home.steering.keep_watch()
        return effective((*self.holders, self.home.steering.system()))

    def until(
        self, name: ChangeId, *states: State, and_: Callable[[Change], bool] = lambda _: True
    ) -> Change:
        """Wait for a state, green-lighting nothing; fails with where it stands instead."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            change = self.change(name)
            if change.state in states and and_(change):
                return change
            assert time.monotonic() < deadline, self.story(change)
            time.sleep(0.02)

    def story(self, change: Change) -> str:
        texts = self.home.store.texts()
        detail = texts.get(change.detail) if change.detail else ""
        kinds = " ".join(entry.event.kind for entry in self.home.store.reader.entries(change.id))
        return f"{change.id} is {change.state} ({change.reason}): {detail}\n{kinds}"

    def approve(
        self, name: ChangeId, scope: ApprovalScope = ApprovalScope.CONTENT
    ) -> tuple[orders.Answer, ...]:
        """The operator approves all that waits."""
        change = self.change(name)
        return orders.approve(self.home.desk(interactive=True), change, pending_digests(change, scope), scope)

    def report(self, change: Change, state: str = "success") -> None:
        """CI speaks, as commit statuses on every open head."""
        for lane in change.shipping:
            if lane.forward.head and not lane.forward.merged:
                self.status(lane.repo.name, lane.forward.head, state)

    def status(self, name: str, sha: str, state: str = "success") -> None:
        self.ask("POST", f"/repos/{ORG}/{name}/statuses/{sha}", {"state": state, "context": "test"})

    def to_pull_requests(self, *repos: RepoRef, title: str = "Add a line") -> ChangeId:
        """A change, approved, with its pull requests open; a worker must be running."""
        name = self.start(*repos, title=title)
        self.until(name, State.WAITING_USER_APPROVAL)
        self.approve(name)
        self.until(name, State.PR_OPEN, and_=lambda c: all(lane.forward.pull for lane in c.shipping))
        return name

    def to_merge_approval(self, *repos: RepoRef, title: str = "Add a line") -> ChangeId:
        """A change that waits for its merges to be approved."""
        name = self.to_pull_requests(*repos, title=title)
        self.report(self.change(name))
        self.until(name, State.VERIFYING_CI, and_=lambda c: all(lane.forward.preview for lane in c.to_verify))
        return name

    def pulls(self, repo: RepoRef) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"/repos/{ORG}/{repo.name}/pulls?state=all").json())

    def tree(self, repo: RepoRef) -> str:
        """Of the default branch."""
        branch = self.ask("GET", f"/repos/{ORG}/{repo.name}/branches/main").json()
        return str(branch["commit"]["commit"]["tree"]["sha"])

    def branches(self, repo: RepoRef) -> set[str]:
        return {branch["name"] for branch in self.ask("GET", f"/repos/{ORG}/{repo.name}/branches").json()}

    def kinds(self, name: ChangeId) -> list[str]:
        return [entry.event.kind for entry in self.home.store.reader.entries(name)]
