"""The composition root: the only place that names concrete classes. Everything is made when it is first asked for."""

import getpass
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from penstock.adapters.advisories.osv import OsvDirectory
from penstock.adapters.agents.recipe import RecipeProposer
from penstock.adapters.agents.recipes import Library, load_library, recipe_folders
from penstock.adapters.embedded.seeding import Operator
from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.mirrors import Mirrors
from penstock.adapters.git.remote import Shown, push
from penstock.adapters.github.alerts import AlertReader
from penstock.adapters.github.content import Author
from penstock.adapters.github.limits import GITHUB_PACE, UNPACED
from penstock.adapters.github.signals import SignalReader
from penstock.adapters.github.variables import Variables
from penstock.adapters.github.writer import GitHubWriter
from penstock.adapters.github.writing import WriteClient
from penstock.adapters.host import version_of
from penstock.adapters.sandbox.asked import Asked
from penstock.adapters.sandbox.bubblewrap import Bubblewrap
from penstock.adapters.sandbox.unsandboxed import Unsandboxed
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.memory import Delivery, Inbox, Tallies, TimeLogs
from penstock.adapters.store.outcomes import Outcomes
from penstock.adapters.store.overview import Overview
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.store import DATABASE
from penstock.bootstrap.access import Access
from penstock.bootstrap.switches import Switches
from penstock.core.autonomy.model import Governance
from penstock.core.change.effects import Effect
from penstock.core.change.events import Event
from penstock.core.change.journal import Appended, Duplicate
from penstock.core.change.model import Change
from penstock.core.evidence import Host
from penstock.core.ledger import Break
from penstock.core.policy.promoted import Promoted
from penstock.core.policy.rules import Policy, Toggles
from penstock.core.policy.tools import HOST_TOOLS
from penstock.core.refs import Actor, BlobRef, RepoRef
from penstock.flows.auditing import Auditor
from penstock.flows.discovery import Fleet
from penstock.flows.durable import Durable, Options
from penstock.flows.governing import Seat
from penstock.flows.hub import Hub, at_work
from penstock.flows.intake import Circumstances
from penstock.flows.listening import BEING_STARTED
from penstock.flows.orders import Desk
from penstock.flows.perform import perform_safely
from penstock.flows.promoting import PromotedLayers
from penstock.flows.steering import Steering
from penstock.flows.world import World
from penstock.ports import Sandbox, StopFlag, Texts
from penstock.rulebook import Book, InForce
from penstock.settings import Settings, network, reread
from penstock.toggles import ConfigHolder

BOT = Author(name="penstock[bot]", email="penstock[bot]@users.noreply.github.com")
EMBEDDED_LOOK = timedelta(seconds=0.25)


class Installation(Access):
    """One Penstock with its state directory, its forge and its credentials."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        book = Book(rules=settings.rules, layered=settings.layered)
        self.rules = InForce(book, settings.config_path, reread, self._promoted)

    @property
    def governance(self) -> Governance:
        """What people decided for all. Nothing is begun by looking: without a ledger, they decided nothing yet."""
        return self.store.governance.now() if self._is_begun else Governance()

    @property
    def _is_begun(self) -> bool:
        return (self.settings.state / DATABASE).exists()

    def _promoted(self) -> tuple[Promoted, ...]:
        return self._promoted_layers() if self._is_begun else ()

    @cached_property
    def _promoted_layers(self) -> PromotedLayers:
        return PromotedLayers(self.store.governance)

    @cached_property
    def proof(self) -> Proof:
        return Proof(self.store.database, self.store.seal)

    @cached_property
    def inbox(self) -> Inbox:
        return Inbox(self.store.database)

    @cached_property
    def tallies(self) -> Tallies:
        return Tallies(self.store.database)

    @cached_property
    def overview(self) -> Overview:
        return Overview(self.store.database)

    def deliver(self, name: str, event: str, body: bytes) -> bool:
        """Keep a webhook delivery for a worker; false where it was kept before."""
        return self.inbox.accept(Delivery(id=name, received_at=self.clock.now(), event=event, body=body))

    @cached_property
    def fleet(self) -> Fleet:
        wanted = self.settings.config.discovery
        return Fleet(
            forge=self.forge_name,
            owner=self.organization,
            include=wanted.include,
            exclude=wanted.exclude,
        )

    @cached_property
    def mirrors(self) -> Mirrors:
        return Mirrors(
            self.settings.state / "mirrors", self._shown_to_git, network=network(), secrets=self.secrets
        )

    def _shown_to_git(self) -> Shown:
        return Shown(token=self._reader_credential.token, to=self.address.web)

    @cached_property
    def signals(self) -> SignalReader:
        return SignalReader(self.reader_client)

    @cached_property
    def writer(self) -> GitHubWriter:
        pace = UNPACED if self.embedded else GITHUB_PACE
        writes = WriteClient(self._http, self.writer_reads.account, pace, TimeLogs(self.store.database))
        return GitHubWriter(self.writer_reads, writes, author=BOT, blob=self.mirrors.blob)

    @cached_property
    def recipes(self) -> Library:
        return load_library(recipe_folders(self.settings.state / "recipes"))

    @property
    def unsafe_sandbox(self) -> bool:
        return bool(self.embedded and self.embedded.unsafe_no_sandbox)

    @cached_property
    def sandbox(self) -> Sandbox:
        return Unsandboxed() if self.unsafe_sandbox else Bubblewrap()

    @cached_property
    def auditor(self) -> Auditor:
        """Nothing of the forge is needed until its alerts are asked."""
        return Auditor(
            advisories=OsvDirectory(self.settings.config.policies.advisories),
            alerts=lambda repo: AlertReader(self.reader_client).vulnerabilities(repo),
            host=lambda: self.host,
            clock=self.clock,
        )

    @cached_property
    def steering(self) -> Steering:
        return Steering(
            log=self.store.governance,
            outcomes=Outcomes(self.store.database, self.store.reader),
            clock=self.clock,
            quarantine_after=self.settings.config.autonomy.quarantine_after,
        )

    @cached_property
    def switches(self) -> Switches:
        return Switches(
            configured=ConfigHolder(self.settings.config_path),
            variables=lambda: self._variables,
            owner=lambda: self.organization,
            excluded=self.settings.config.toggles.exclude,
            system=self.steering.system,
        )

    @cached_property
    def _variables(self) -> Variables:
        return Variables(self.reader_client)

    def toggles(self, repo: RepoRef | None) -> Toggles:
        """What binds a worker now; it puts its own quarantine on record first, where that is due."""
        self.steering.keep_watch()
        return self.switches(repo)

    @cached_property
    def hub(self) -> Hub:
        return Hub(
            self.rules, self.recipes, lambda: at_work(self.store, self.overview.names_in(BEING_STARTED))
        )

    @property
    def circumstances(self) -> Circumstances:
        return Circumstances(
            policy=self.policy,
            hub=self.hub,
            single_credential=self.single_credential,
            unsafe_sandbox=self.unsafe_sandbox,
        )

    @property
    def policy(self) -> Policy:
        """The organization's, as it is in force now."""
        return self.rules.layered.policy

    @cached_property
    def host(self) -> Host:
        """What Penstock itself runs here."""
        return tuple((tool, version_of(tool)) for tool in HOST_TOOLS)

    @property
    def world(self) -> World:
        return replace(self._world, today=self.rules.layered)

    @cached_property
    def _world(self) -> World:
        return World(
            fleet=self.fleet,
            reader=self.reader,
            writer=self.writer,
            repositories=self.mirrors,
            proposer=RecipeProposer(
                self.recipes, self.mirrors, Asked(lambda: self.sandbox), self.settings.state / "scratch"
            ),
            recipes=self.recipes,
            auditor=self.auditor,
            signals=self.signals,
            hub=self.hub,
            clock=self.clock,
            secrets=self.secrets,
            today=self.rules.layered,
            toggles=self.toggles,
            steering=self.steering,
            own_login=self.own_login,
            notices_today=self._notices_today,
            unended=self.store.unended_about,
            attest=self.store.seal.envelope,
            only_workflows_report=self.embedded is not None,
        )

    def _notices_today(self, now: datetime) -> int:
        return self.store.count_since(
            "E_NOTICE_POSTED", now.replace(hour=0, minute=0, second=0, microsecond=0)
        )

    @cached_property
    def operator_hands(self) -> Operator:
        """The embedded forge's operator, for setting it up."""
        forge = self.embedded
        assert forge is not None, "only the embedded forge has an operator here"  # noqa: S101

        def send(bare: Path, url: str, branch: str) -> None:
            shown = Shown(token=forge.operator_token, to=forge.url)
            push(Git(directory=bare, environment=trusted_environment(network())), url, branch, lambda: shown)

        return Operator(forge, send)

    def erase(self, ref: str, reason: str) -> Appended | Duplicate | Break | Governance | None:
        """Erase one text of the ledger, on the operator's order."""
        by = Actor(login=self.operator if self.embedded else getpass.getuser())
        if self.store.governance.holds(BlobRef(ref)):
            return self.store.governance.erase(BlobRef(ref), by=by, reason=reason)
        return self.store.erase(BlobRef(ref), by=by, reason=reason)

    def desk(self, *, interactive: bool) -> Desk:
        """Where this command line's person gives orders."""
        return Desk(
            log=self.store,
            reader=self.reader,
            clock=self.clock,
            policy=self.policy,
            person=self.operator,
            own_login=self.own_login,
            interactive=interactive,
        )

    def seat(self, *, interactive: bool) -> Seat:
        """Where this command line's person gives orders about the whole installation."""
        return Seat(
            desk=self.desk(interactive=interactive),
            steering=self.steering,
            repositories=lambda: tuple(repo for repo, _ in self.fleet.repositories(self.reader)),
        )

    @property
    def workforce(self) -> tuple[str, ...]:
        """Names of agents and recipes: whose work autonomy can be granted for."""
        return (*self.rules.router.rules.agents, *self.recipes.names)

    def worker(self) -> Durable:
        options = Options(shortest_look=EMBEDDED_LOOK) if self.embedded else Options()
        queue = Queue(self.store.database, this_process())

        def perform(effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> Event | None:
            return perform_safely(self.world, effect, change, texts, stop)

        return Durable(self.store, queue, perform, self.clock, options)

    @contextmanager
    def working(self) -> Iterator[Durable]:
        """A worker in the background while the caller does something else; it gives back what it holds."""
        worker, stop = self.worker(), threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,), name="worker")
        thread.start()
        try:
            yield worker
        finally:
            stop.set()
            thread.join()
