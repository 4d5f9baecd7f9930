"""One credential at one forge: addresses, headers, and what is left of its allowance."""

import re
import threading
from collections.abc import Mapping
from urllib.parse import quote, urljoin

import httpx

from penstock import __version__
from penstock.adapters.github.credential import Bearer
from penstock.adapters.github.limits import Budget, budget_of
from penstock.core.refs import RepoRef
from penstock.ports import Clock, Permanent, Transient

API_VERSION = "2022-11-28"
PATIENCE = 10.0
"""Seconds that a request waits here for a limit; for longer waits the caller is told when to come back."""


class Account:
    """Shared by every client of the credential, so that a limit that one meets holds the others back too.

    `base_url` is where REST is: `https://api.github.com`, `https://HOST/api/v3` for GitHub Enterprise Server, or
    the embedded forge's address. Raises Permanent `bad_address` for anything but an absolute http(s) URL.
    """

    def __init__(self, base_url: str, credential: Bearer, clock: Clock) -> None:
        origin = _origin(base_url)
        if origin is None:
            raise Permanent("bad_address", f"{base_url!r} is no address of a forge: write https://HOST")
        self.base_url = base_url.rstrip("/")
        self.credential = credential
        self.clock = clock
        self.budgets: dict[str, Budget] = {}
        """By resource, as the forge told last."""
        self.writing = threading.Lock()
        """Held during a write: GitHub asks for one at a time."""
        self._origin = origin
        self._closed_until = 0.0

    @property
    def graphql_url(self) -> str:
        """Beside REST, and on GitHub Enterprise Server beside its `v3`."""
        return f"{self.base_url.removesuffix('/v3')}/graphql"

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    def url(self, path: str, params: Mapping[str, str | int]) -> str:
        """An address below the forge's; `path` is already quoted (see `quoted`)."""
        query = str(httpx.QueryParams(params))
        return f"{self.base_url}/{path}{'?' if query else ''}{query}"

    def owned(self, url: str, base: str) -> str:
        """An address that the forge gave at `base`, if it is the forge's own: the token goes nowhere else.

        Raises Permanent `unexpected_answer`.
        """
        try:
            absolute = urljoin(base, url)
        except ValueError:
            absolute = ""
        if _origin(absolute) != self._origin:
            raise Permanent("unexpected_answer", f"{base} points to {url[:200]!r}: not followed")
        return absolute

    def headers(self) -> dict[str, str]:
        return {
            "accept": "application/vnd.github+json",
            "authorization": f"Bearer {self.credential.token}",
            "user-agent": f"penstock/{__version__}",
            "x-github-api-version": API_VERSION,
        }

    def hold(self, url: str) -> None:
        """Wait for a limit that is known to be spent. Raises Transient `rate_limited` beyond PATIENCE."""
        budget = self.budgets.get(_resource(url))
        wait = max(self._closed_until - self.now, budget.wait(self.now) if budget else 0.0)
        if wait > PATIENCE:
            message = f"the token in {self.credential.source} has no requests left for {wait:.0f} s"
            raise Transient("rate_limited", message, wait)
        if wait > 0:
            self.clock.sleep(wait)

    def note(self, headers: Mapping[str, str]) -> None:
        """Remember what is left, as an answer tells."""
        budget = budget_of(headers)
        if budget is not None:
            self.budgets[budget.resource] = budget

    def close(self, seconds: float) -> None:
        """Send nothing for so long: the forge asked for it."""
        self._closed_until = max(self._closed_until, self.now + seconds)


def quoted(*parts: str | int) -> str:
    """A path with one segment for each part; a slash inside a part is escaped."""
    return "/".join(quote(str(part), safe="") for part in parts)


def repo_path(repo: RepoRef, *parts: str | int) -> str:
    """A path below the repository's."""
    return quoted("repos", repo.owner, repo.name, *parts)


def _origin(address: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what is no absolute http(s) URL."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return None
    known = url.scheme in {"http", "https"} and re.fullmatch(r"[A-Za-z0-9.:-]+", url.host)
    return (url.scheme, url.host, url.port) if known else None


def _resource(url: str) -> str:
    path = httpx.URL(url).path
    if path.endswith("/graphql"):
        return "graphql"
    return "search" if "/search/" in path else "core"
