"""The composition root: the only file that names concrete classes. Everything is made when it is first asked for."""

import getpass
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

import httpx

from penstock.adapters import embedded as embedding
from penstock.adapters.advisories.osv import OsvDirectory
from penstock.adapters.agents.recipe import RecipeProposer
from penstock.adapters.agents.recipes import Library, load_library, recipe_folders
from penstock.adapters.clock import SystemClock
from penstock.adapters.embedded import Embedded
from penstock.adapters.embedded.seeding import Operator
from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.mirrors import Mirrors
from penstock.adapters.git.remote import Shown, push
from penstock.adapters.github import needs
from penstock.adapters.github.access import lacking
from penstock.adapters.github.account import Account
from penstock.adapters.github.app import App, AppCredential, AppKey
from penstock.adapters.github.content import Author
from penstock.adapters.github.credential import Bearer, Credential, single_credential
from penstock.adapters.github.limits import GITHUB_PACE, UNPACED
from penstock.adapters.github.reader import GitHubReader
from penstock.adapters.github.reading import ReadClient
from penstock.adapters.github.writer import GitHubWriter
from penstock.adapters.github.writing import WriteClient
from penstock.adapters.sandbox.asked import Asked
from penstock.adapters.sandbox.bubblewrap import Bubblewrap
from penstock.adapters.sandbox.unsandboxed import Unsandboxed
from penstock.adapters.secrets import Secrets
from penstock.adapters.store.heads import Queue
from penstock.adapters.store.memory import Delivery, Inbox, Responses, Tallies, TimeLogs
from penstock.adapters.store.overview import Overview
from penstock.adapters.store.owner import this_process
from penstock.adapters.store.proof import Proof
from penstock.adapters.store.store import Store, make_private, open_store
from penstock.core.change.journal import Appended, Duplicate
from penstock.core.ledger import Break
from penstock.core.policy.rules import Policy, Toggles, effective
from penstock.core.refs import Actor, BlobRef, RepoRef
from penstock.flows.discovery import Fleet
from penstock.flows.durable import Durable, Options
from penstock.flows.hub import Hub, at_work
from penstock.flows.intake import Circumstances
from penstock.flows.listening import BEING_STARTED
from penstock.flows.orders import Desk
from penstock.flows.perform import perform_safely
from penstock.flows.world import World
from penstock.ports import Sandbox
from penstock.rulebook import InForce
from penstock.settings import Misconfigured, Settings, Token, cache_folder, needed, network, reread
from penstock.toggles import toggle_holders

BOT = Author(name="penstock[bot]", email="penstock[bot]@users.noreply.github.com")
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
EMBEDDED_LOOK = timedelta(seconds=0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the forge's API and its pages are."""

    api: str
    web: str


class Installation:
    """One Penstock with its state directory, its forge and its credentials."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.rules = InForce(settings.rules, settings.config_path, reread)

    @cached_property
    def store(self) -> Store:
        store = open_store(self.settings.state, self.clock)
        store.clean = self.secrets.redact
        return store

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self._every_credential, kept=cache_folder())

    def _every_credential(self) -> tuple[str, ...]:
        kept = embedding.find(self.settings.state)
        own = (kept.operator_token, kept.writer_token, kept.reader_token) if kept else ()
        return (*own, *self.settings.secrets)

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
    def embedded(self) -> Embedded | None:
        """The embedded forge, answering; None where the forge is outside."""
        kept = embedding.find(self.settings.state)
        return embedding.ensure_running(kept) if kept else None

    @cached_property
    def address(self) -> Address:
        if self.embedded:
            return Address(api=self.embedded.url, web=self.embedded.url)
        api = self.settings.config.forge.api_url.rstrip("/")
        beside = api.replace("://api.", "://", 1)  # github.com and NAME.ghe.com
        return Address(api=api, web=api.removesuffix("/api/v3") if api.endswith("/api/v3") else beside)

    @cached_property
    def known_web_address(self) -> str:
        """The pages' address without starting anything: for showing links."""
        kept = embedding.find(self.settings.state)
        return kept.url if kept else self.address.web

    @property
    def forge_name(self) -> str:
        """What repositories' identities are bound to: stable even where the embedded forge's port is not."""
        return "embedded" if self.embedded else httpx.URL(self.address.api).host

    @cached_property
    def organization(self) -> str:
        configured = self.settings.config.discovery.organization
        return configured or (embedding.ORGANIZATION if self.embedded else "")

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
    def _http(self) -> httpx.Client:
        return httpx.Client(timeout=TIMEOUT, follow_redirects=False)

    @cached_property
    def _app(self) -> App | None:
        """The App that Penstock works as at an outside forge, where there is one."""
        own = None if self.embedded else self.settings.app
        key = own and AppKey(app=own.id, private_key=own.key.value, source=own.key.source)
        return App(self._http, self.address.api, key, self.organization, self.clock) if key else None

    @cached_property
    def _writer_credential(self) -> Bearer:
        if self.embedded:
            return Credential(token=self.embedded.writer_token, source="embedded.json")
        if self._app:
            return AppCredential.writing(self._app)
        return _credential(self.settings.writer, "INFINITY_APP_TOKEN or GITHUB_TOKEN")

    @cached_property
    def _reader_credential(self) -> Bearer:
        if self.embedded:
            return Credential(token=self.embedded.reader_token, source="embedded.json")
        if self._app:
            return AppCredential.reading(self._app)
        return _credential(self.settings.reader, "PENSTOCK_READ_TOKEN, INFINITY_APP_TOKEN or GITHUB_TOKEN")

    @cached_property
    def _operator_credential(self) -> Credential:
        if self.embedded:
            return Credential(token=self.embedded.operator_token, source="embedded.json")
        return _credential(self.settings.operator, "PENSTOCK_OPERATOR_TOKEN or GITHUB_TOKEN")

    @property
    def single_credential(self) -> bool:
        return single_credential(self._reader_credential, self._writer_credential)

    @cached_property
    def _accounts(self) -> dict[str, Account]:
        """By the credential's id: whoever shares a credential shares its limits."""
        return {}

    def _reads(self, credential: Bearer) -> ReadClient:
        new = Account(self.address.api, credential, self.clock)
        account = self._accounts.setdefault(credential.id, new)
        return ReadClient(self._http, account, Responses(self.store.database, self.clock))

    @cached_property
    def reader_client(self) -> ReadClient:
        return self._reads(self._reader_credential)

    @cached_property
    def writer_reads(self) -> ReadClient:
        return self._reads(self._writer_credential)

    @cached_property
    def reader(self) -> GitHubReader:
        return GitHubReader(self.reader_client)

    def lacking(self, repo: RepoRef) -> tuple[str, ...]:
        """A sentence for each permission that is missing there: which one, for what, and of which token."""
        return lacking(repo, reader=self.reader_client, writer=self.writer_reads)

    @cached_property
    def own_login(self) -> str:
        """Who Penstock writes as."""
        return GitHubReader(self.writer_reads).viewer()

    @cached_property
    def operator(self) -> str:
        """Whose orders this command line gives: whoever the operator's token authenticates."""
        return GitHubReader(self._reads(self._operator_credential)).viewer()

    @cached_property
    def mirrors(self) -> Mirrors:
        return Mirrors(
            self.settings.state / "mirrors", self._shown_to_git, network=network(), secrets=self.secrets
        )

    def _shown_to_git(self) -> Shown:
        return Shown(token=self._reader_credential.token, to=self.address.web)

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

    def close(self) -> None:
        """Let go of what was opened."""
        if "_http" in vars(self):
            self._http.close()
        if "store" in vars(self):
            self.store.database.close()

    def toggles(self) -> Toggles:
        return effective(toggle_holders())

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
        return self.settings.policy

    @cached_property
    def world(self) -> World:
        return World(
            fleet=self.fleet,
            reader=self.reader,
            writer=self.writer,
            repositories=self.mirrors,
            proposer=RecipeProposer(
                self.recipes, self.mirrors, Asked(lambda: self.sandbox), self.settings.state / "scratch"
            ),
            recipes=self.recipes,
            advisories=OsvDirectory(self.settings.config.policies.advisories),
            hub=self.hub,
            clock=self.clock,
            secrets=self.secrets,
            policy=self.policy,
            toggles=self.toggles,
            own_login=self.own_login,
            notices_today=self._notices_today,
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

    def erase(self, ref: str, reason: str) -> Appended | Duplicate | Break | None:
        """Erase one text of the ledger, on the operator's order."""
        by = Actor(login=self.operator if self.embedded else getpass.getuser())
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

    def worker(self) -> Durable:
        options = Options(shortest_look=EMBEDDED_LOOK) if self.embedded else Options()
        queue = Queue(self.store.database, this_process())
        return Durable(self.store, queue, partial(perform_safely, self.world), self.clock, options)

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


def has_other_state(state: Path) -> bool:
    """Does a state directory belong to an installation that works on an outside forge.

    One that was only looked at has a database without a change, and is nobody's yet.
    """
    if embedding.find(state) or not (state / "penstock.db").exists():
        return False
    return any(open_store(state, SystemClock()).heads())


def make_forge(state: Path, *, unsafe_no_sandbox: bool = False) -> Embedded:
    """A new embedded forge. Its tokens may what reading and writing need, and no more: not post a check, say."""
    make_private(state)
    return embedding.create(
        state,
        writer=needs.permissions_of(*needs.EVERY),
        reader=needs.permissions_of(*needs.READS, needs.MEMBERS),
        unsafe_no_sandbox=unsafe_no_sandbox,
    )


def embed(settings: Settings, *, unsafe_no_sandbox: bool) -> Installation:
    """An installation on its own embedded forge, which is made and started as needed. Raises Misconfigured."""
    kept = embedding.find(settings.state)
    if kept is None:
        make_forge(settings.state, unsafe_no_sandbox=unsafe_no_sandbox)
    elif unsafe_no_sandbox and not kept.unsafe_no_sandbox:
        sandboxed = f"{settings.state} was set up with the sandbox, and keeps it; --unsafe-no-sandbox needs a new one: --state"
        raise Misconfigured(problems=(sandboxed,))
    return Installation(settings)


def end_embedded(state: Path) -> bool:
    """End the embedded forge's process; False when there was none."""
    kept = embedding.find(state)
    return kept is not None and embedding.stop(kept)


def _credential(token: Token | None, names: str) -> Credential:
    return Credential(token=(given := needed(token, names)).value, source=given.source)
