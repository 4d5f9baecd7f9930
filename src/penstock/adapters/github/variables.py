"""Variables of Actions that people set at the forge: an organization's, and a repository's own.

What was read is good for a few seconds, and then revalidated (by ETag, where the forge has one). Nothing older is ever
answered: what cannot be read now is an error.
"""

import threading
import time
from collections.abc import Callable, Mapping

from penstock.adapters.github import needs, wire
from penstock.adapters.github.account import quoted, repo_path
from penstock.adapters.github.needs import Need
from penstock.adapters.github.reading import ReadClient
from penstock.core.refs import RepoRef

GOOD_FOR = 5.0
"""Seconds: so long it may take until a toggle that is set at the forge stops writes."""
PER_PAGE = 30
"""The most that GitHub gives of variables."""

Values = Mapping[str, str]


class Variables:
    """Raises Transient where the forge does not answer, Permanent where it refuses. Safe to share between threads."""

    def __init__(self, client: ReadClient, tick: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._tick = tick
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Values]] = {}

    def of_owner(self, owner: str) -> Values:
        """An organization's, by name in upper case; none where the owner is a user, who has no such thing."""
        return self._kept(f"owner {owner}", lambda: self._owners(owner))

    def of_repository(self, repo: RepoRef) -> Values:
        """Its own, by name in upper case."""
        path = repo_path(repo, "actions", "variables")
        return self._kept(path, lambda: self._read(path, needs.VARIABLES))

    def _owners(self, owner: str) -> Values:
        account = self._client.get(quoted("users", owner), wire.OwnerKind, needs.REPOSITORY)
        if account.type != "Organization":
            return {}
        return self._read(quoted("orgs", owner, "actions", "variables"), needs.SHARED_VARIABLES)

    def _read(self, path: str, need: Need) -> Values:
        pages = self._client.pages(path, wire.Variables, need, {"per_page": PER_PAGE})
        return {row.name.upper(): row.value for page in pages for row in page.variables}

    def _kept(self, what: str, read: Callable[[], Values]) -> Values:
        with self._lock:
            at, values = self._known.get(what, (float("-inf"), {}))
        now = self._tick()
        if now - at < GOOD_FOR:
            return values
        found = read()
        with self._lock:
            self._known[what] = now, found
        return found
