"""Where the forge is, and every credential and client for it."""

from dataclasses import dataclass
from functools import cached_property

import httpx

from penstock.adapters import embedded as embedding
from penstock.adapters.clock import SystemClock
from penstock.adapters.embedded import Embedded
from penstock.adapters.github.access import lacking
from penstock.adapters.github.account import Account
from penstock.adapters.github.app import App, AppCredential, AppKey
from penstock.adapters.github.credential import Bearer, Credential, single_credential
from penstock.adapters.github.reader import GitHubReader
from penstock.adapters.github.reading import ReadClient
from penstock.adapters.secrets import Secrets
from penstock.adapters.store.memory import Responses
from penstock.adapters.store.store import Store, open_store
from penstock.core.refs import RepoRef
from penstock.settings import Settings, Token, cache_folder, needed

TIMEOUT = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the forge's API and its pages are."""

    api: str
    web: str


class Access:
    """One state directory, the forge it works on, and who is let in there."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()

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

    def close(self) -> None:
        """Let go of what was opened."""
        if "_http" in vars(self):
            self._http.close()
        if "store" in vars(self):
            self.store.database.close()


def _credential(token: Token | None, names: str) -> Credential:
    return Credential(token=(given := needed(token, names)).value, source=given.source)
