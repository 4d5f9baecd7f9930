"""Filling the embedded forge as its operator would: over REST and git, looking before creating."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import httpx

from penstock.adapters.embedded import ORGANIZATION, Embedded
from penstock.ports import Permanent

Push = Callable[[Path, str, str], None]
"""Put a bare repository's branch at a URL, in the place of whatever has its name there."""


class Source(Protocol):
    """A bare repository to publish: its branch becomes the default one. `origin` is the folder it is a copy of."""

    @property
    def bare(self) -> Path: ...

    @property
    def name(self) -> str: ...

    @property
    def branch(self) -> str: ...

    @property
    def origin(self) -> Path: ...


class Operator:
    """The operator's hands: everything is done with the operator's own token, by `send`, too."""

    def __init__(self, embedded: Embedded, send: Push) -> None:
        self._url = embedded.url
        self._send = send
        self._http = httpx.Client(
            base_url=embedded.url,
            headers={
                "authorization": f"Bearer {embedded.operator_token}",
                "accept": "application/vnd.github+json",
            },
            timeout=60.0,
        )

    def publish(self, source: Source) -> None:
        """Create the repository and push its branch, unless it is there."""
        if self._http.get(f"/repos/{ORGANIZATION}/{source.name}/branches/{source.branch}").status_code == 200:
            return
        if self._http.get(f"/repos/{ORGANIZATION}/{source.name}").status_code == 404:
            self._create(source.name, "")
        self._push(source, source.name)

    def copy(self, source: Source) -> str:
        """Make the repository of this folder equal to it, as it is now, and say its name; other folders keep theirs."""
        wanted = f"A copy of {source.origin}, for penstock try"
        names = (f"{source.name}-{n}" if n > 1 else source.name for n in itertools.count(1))
        name = next(name for name in names if self._description(name) in {None, wanted})
        if self._description(name) is None:
            self._create(name, wanted)
        self._push(source, name)
        return name

    def _description(self, name: str) -> str | None:
        """Of the repository with this name; None where there is none."""
        answer = self._http.get(f"/repos/{ORGANIZATION}/{name}")
        return None if answer.status_code == 404 else answer.json()["description"] or ""

    def _create(self, name: str, description: str) -> None:
        wanted: dict[str, object] = {"name": name, "description": description, "private": False}
        self._ask("POST", f"/orgs/{ORGANIZATION}/repos", wanted)

    def protect(self, name: str, branch: str, checks: tuple[str, ...]) -> None:
        """Demand these checks on a branch, of administrators too."""
        self._ask(
            "PUT",
            f"/repos/{ORGANIZATION}/{name}/branches/{branch}/protection",
            {
                "required_status_checks": {"strict": False, "contexts": list(checks)},
                "enforce_admins": True,
                "required_pull_request_reviews": None,
                "restrictions": None,
            },
        )

    def open_issue(self, name: str, *, title: str, body: str, label: str) -> int:
        """The number of the issue with this title: the one that is there, open or not, or a new one."""
        listed = self._ask("GET", f"/repos/{ORGANIZATION}/{name}/issues?state=all&per_page=100", None)
        found = (
            [one for one in listed if isinstance(one, dict) and "pull_request" not in one]
            if isinstance(listed, list)
            else []
        )
        known = [issue for issue in found if issue.get("title") == title]
        wanted: dict[str, object] = {"title": title, "body": body, "labels": [label]}
        issue = known[0] if known else self._ask("POST", f"/repos/{ORGANIZATION}/{name}/issues", wanted)
        number = issue.get("number") if isinstance(issue, dict) else None
        if not isinstance(number, int):
            raise Permanent("unexpected_answer", "the embedded forge answered an issue without a number")
        return number

    def _ask(self, method: str, path: str, body: dict[str, object] | None) -> object:
        answer = self._http.request(method, path, json=body)
        if answer.status_code >= 400:
            raise Permanent("forge_setup", f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def _push(self, source: Source, name: str) -> None:
        """The source's branch takes the place of what was there, and becomes the default one."""
        self._send(source.bare, f"{self._url}/{ORGANIZATION}/{name}.git", source.branch)
        self._ask("PATCH", f"/repos/{ORGANIZATION}/{name}", {"default_branch": source.branch})
