"""Typed reads: pages, redirects, revalidation by ETag, and the allow-listed GraphQL."""

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

import httpx
import pydantic_core
from pydantic import BaseModel

from penstock.adapters.github import needs
from penstock.adapters.github.account import Account
from penstock.adapters.github.channel import Call, Channel
from penstock.adapters.github.failures import Refused
from penstock.adapters.github.memory import ResponseCache
from penstock.adapters.github.needs import Need
from penstock.adapters.github.transport import Http, ReadOnly
from penstock.adapters.github.wire import Login, parsed
from penstock.ports import Permanent

PER_PAGE = 100
MAX_PAGES = 100
MAX_HOPS = 3
MAX_CACHED = 1 << 20
"""Bytes of a body that is worth keeping."""

A = TypeVar("A", bound=BaseModel)
Params = Mapping[str, str | int]


class ReadClient:
    """Asks and never writes: what it sends goes through `ReadOnly`."""

    def __init__(self, http: Http, account: Account, cache: ResponseCache) -> None:
        self.account = account
        self._channel = Channel(ReadOnly(http), account)
        self._cache = cache

    def get(self, path: str, kind: type[A], need: Need, params: Params | None = None) -> A:
        """One answer. Raises Refused for every status from 400, Permanent `unexpected_answer`."""
        body, _ = self._fetch(self.account.url(path, params or {}), need)
        return parsed(body, kind, path)

    def find(self, path: str, kind: type[A], need: Need, params: Params | None = None) -> A | None:
        """One answer, or None where there is no such thing (404, 410)."""
        try:
            return self.get(path, kind, need, params)
        except Refused as refusal:
            if refusal.status in {404, 410}:
                return None
            raise

    def pages(self, path: str, kind: type[A], need: Need, params: Params | None = None) -> Iterator[A]:
        """Every page in turn, each as `kind`. Raises Permanent `too_much` beyond MAX_PAGES."""
        url = self.account.url(path, {"per_page": PER_PAGE, **(params or {})})
        for _ in range(MAX_PAGES):
            body, link = self._fetch(url, need)
            yield parsed(body, kind, path)
            following = _next_page(link)
            if following is None:
                return
            url = self.account.owned(following, url)
        raise Permanent("too_much", f"{path} has more than {MAX_PAGES} pages; a part of them proves nothing")

    def query(self, document: str, variables: Mapping[str, str], kind: type[A], need: Need) -> A:
        """The answer to an allow-listed GraphQL document, its `errors` included."""
        call = Call(
            method="POST",
            url=self.account.graphql_url,
            need=need,
            repeatable=True,
            content=pydantic_core.to_json({"query": document, "variables": variables}),
            headers={"content-type": "application/json"},
        )
        return parsed(self._channel.exchange(call).content, kind, "graphql")

    def login(self) -> str:
        """Whose token it is."""
        return self.account.credential.login or self.get("user", Login, needs.IDENTITY).login

    def scopes(self) -> frozenset[str] | None:
        """Scopes of a classic token; None for a token that has permissions instead."""
        if self.account.credential.granted is not None:
            return None
        call = Call(method="GET", url=self.account.url("user", {}), need=needs.IDENTITY, repeatable=True)
        listed = self._channel.exchange(call).headers.get("x-oauth-scopes")
        return None if listed is None else frozenset(filter(None, map(str.strip, listed.split(","))))

    def _fetch(self, url: str, need: Need) -> tuple[bytes, str]:
        """Body and `Link` header, following redirects as long as they stay at the forge."""
        for _ in range(MAX_HOPS + 1):
            known = self._cache.get(self.account.credential.id, url)
            headers = {"if-none-match": known[0]} if known else {}
            response = self._channel.exchange(
                Call(method="GET", url=url, need=need, repeatable=True, headers=headers)
            )
            if response.status_code == 304 and known:
                return known[2], known[1]
            if not response.has_redirect_location:
                return self._kept(url, response)
            url = self.account.owned(response.headers["location"], url)
        raise Permanent("unexpected_answer", f"{url} redirects more than {MAX_HOPS} times")

    def _kept(self, url: str, response: httpx.Response) -> tuple[bytes, str]:
        etag, link = response.headers.get("etag"), response.headers.get("link", "")
        if etag and len(response.content) <= MAX_CACHED:
            self._cache.put(self.account.credential.id, url, (etag, link, response.content))
        return response.content, link


def _next_page(link: str) -> str | None:
    """The address that a `Link` header gives for the next page (RFC 8288)."""
    entries = re.finditer(r"<([^>]*)>([^<]*)", link)
    return next((entry[1] for entry in entries if 'rel="next"' in entry[2]), None)
