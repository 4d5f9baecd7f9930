"""An App at a forge: it says who it is with its key, and is given tokens for an hour that permit what is asked for.

Facts: docs.github.com, "Authenticating as a GitHub App" and "Generating an installation access token". A token of an installation lasts
an hour; what the App says of itself may last ten minutes, and GitHub advises to date it a minute back.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
import pydantic_core

from penstock.adapters.github import wire
from penstock.adapters.github.account import Account, quoted
from penstock.adapters.github.channel import Call, Channel
from penstock.adapters.github.failures import Refused
from penstock.adapters.github.needs import EVERY, MEMBERS, READS, Need, permissions_of
from penstock.adapters.github.transport import Http
from penstock.ports import Clock, Permanent

BACK = timedelta(seconds=60)
AHEAD = timedelta(minutes=9)
MARGIN = timedelta(minutes=5)
"""A token is renewed this long before it ends: no request is begun with one that ends under way."""
_NO_APP = "Integration not found"
AS_APP = Need(purpose="be given tokens", permission="metadata=read")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppKey:
    """An App's id (or client id), its private key (PEM), and `source`, where a person finds the key."""

    app: str
    private_key: str = field(repr=False)
    source: str


class Assertion:
    """What the App says of itself, signed anew for each request."""

    def __init__(self, key: AppKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self.source = key.source
        self.login = None
        self.granted = None

    @property
    def token(self) -> str:
        now = self._clock.now()
        claims = {"iat": int((now - BACK).timestamp()), "exp": int((now + AHEAD).timestamp())}
        try:
            return jwt.encode({**claims, "iss": self._key.app}, self._key.private_key, algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Permanent(
                "unauthorized",
                f"{self.source} holds no private key of an App: put there the whole PEM file that the App's settings gave",
            ) from None

    @property
    def id(self) -> str:
        return _named("app", self._key.app)

    def hidden(self, text: str) -> str:
        return text

    def renew(self) -> bool:
        return False


class App:
    """One App on one account (`owner`). Asks for nothing until somebody needs a token."""

    def __init__(self, http: Http, base_url: str, key: AppKey, owner: str, clock: Clock) -> None:
        self.key = key
        self.owner = owner
        self.clock = clock
        self._account = Account(base_url, Assertion(key, clock), clock)
        self._channel = Channel(http, self._account)
        self._lock = threading.Lock()
        self._installed: wire.Installed | None = None

    @property
    def login(self) -> str:
        """As whom its tokens write."""
        return f"{self.installed.app_slug}[bot]"

    @property
    def installed(self) -> wire.Installed:
        """Where it is installed, asked once. Raises Permanent that says what to do where it is not."""
        with self._lock:
            if self._installed is None:
                try:
                    self._installed = self._find()
                except Refused as refused:
                    raise self._explained(refused) from refused
            return self._installed

    def token(self, wanted: Mapping[str, str]) -> wire.InstallationToken:
        """A new token that permits as much of what is wanted as was granted."""
        installed = self.installed
        body = {"permissions": within(wanted, installed.permissions)}
        try:
            content = self._ask("POST", f"app/installations/{installed.id}/access_tokens", body)
        except Refused as refused:
            if refused.status in {404, 422}:
                self._forget()
            raise self._explained(refused) from refused
        return wire.parsed(content, wire.InstallationToken, "access_tokens")

    def _forget(self) -> None:
        """What was granted is not what we know: ask again next time."""
        with self._lock:
            self._installed = None

    def _find(self) -> wire.Installed:
        """An organization's installation, or a user's."""
        for kind in ("orgs", "users"):
            path = quoted(kind, self.owner, "installation")
            try:
                return wire.parsed(self._ask("GET", path), wire.Installed, path)
            except Refused as refused:
                if refused.status != 404 or _NO_APP in refused.said:
                    raise
        raise self._not_installed(wire.parsed(self._ask("GET", "app"), wire.AppName, "app").slug)

    def _not_installed(self, name: str) -> Permanent:
        where = self.owner or "an account: discovery.organization is not set"
        message = (
            f"the App {name} is not installed on {where}: install it, on the repositories it may work on"
        )
        return Permanent("not_installed", message)

    def _ask(self, method: str, path: str, body: wire.Body | None = None) -> bytes:
        """One request as the App; asking twice for a token only makes another."""
        call = Call(
            method=method,
            url=self._account.url(path, {}),
            need=AS_APP,
            repeatable=True,
            content=None if body is None else pydantic_core.to_json(body),
            headers={} if body is None else {"content-type": "application/json"},
        )
        return self._channel.exchange(call).content

    def _explained(self, refused: Refused) -> Permanent:
        """What to do about a refusal. None of these is a Refused: that no token is to be had says nothing of what it was for."""
        said, key = refused.said, self.key
        if refused.status == 401 and ("'iat'" in said or "'exp'" in said):
            why = f"this machine's clock and the forge's differ ({said})"
            return Permanent("unauthorized", f"the App {key.app} is not believed: {why}; set the clock")
        if refused.status == 401:
            why = f"the key in {key.source} is none of the App {key.app} ({said})"
            return Permanent("unauthorized", f"{why}: make a new one in the App's settings and put it there")
        if _NO_APP in said:
            return Permanent("unauthorized", f"there is no App {key.app}: correct PENSTOCK_APP_ID")
        if refused.status == 403 and "suspended" in said:
            return Permanent(
                "forbidden", f"the App's installation on {self.owner} is suspended: unsuspend it"
            )
        if refused.status == 404:
            return self._not_installed(key.app)
        return Permanent(refused.code, str(refused))


class AppCredential:
    """Tokens of an installation, one at a time, renewed before they end. `role` says for what they are: reading, writing."""

    def __init__(self, app: App, role: str, wanted: Mapping[str, str]) -> None:
        self._app = app
        self._wanted = wanted
        self._lock = threading.Lock()
        self._kept: tuple[str, datetime] | None = None
        self._shown: set[str] = set()
        self.source = f"{app.key.source} (App {app.key.app}, {role})"
        self.id = _named("app", app.key.app, app.owner.casefold(), role)

    @classmethod
    def reading(cls, app: App) -> "AppCredential":
        """Whose tokens read everything that is judged, and write nothing."""
        return cls(app, "reading", permissions_of(*READS, MEMBERS))

    @classmethod
    def writing(cls, app: App) -> "AppCredential":
        """Whose tokens write, and look before and after."""
        return cls(app, "writing", permissions_of(*EVERY))

    @property
    def token(self) -> str:
        """The token now. Raises what `App.token` raises."""
        with self._lock:
            now = self._app.clock.now()
            if self._kept is None or self._kept[1] - MARGIN <= now:
                made = self._app.token(self._wanted)
                self._kept = made.token, made.expires_at
                self._shown.add(made.token)
            return self._kept[0]

    @property
    def login(self) -> str:
        return self._app.login

    @property
    def granted(self) -> Mapping[str, str]:
        """What its tokens permit."""
        return within(self._wanted, self._app.installed.permissions)

    def hidden(self, text: str) -> str:
        """A text of the forge's without any token that there was."""
        for token in self._shown.copy():
            text = text.replace(token, "***")
        return text

    def renew(self) -> bool:
        """The forge does not know the token any more: the next request makes another."""
        with self._lock:
            self._kept = None
        return True


_LEVELS = ("read", "write", "admin")


def within(wanted: Mapping[str, str], granted: Mapping[str, str]) -> dict[str, str]:
    """What is wanted as far as it is granted: less where less is, nothing where nothing is."""
    return {
        name: min(level, granted[name], key=_LEVELS.index)
        for name, level in wanted.items()
        if granted.get(name) in _LEVELS
    }


def _named(*parts: str) -> str:
    """A name for caches and write logs that outlives every token."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
