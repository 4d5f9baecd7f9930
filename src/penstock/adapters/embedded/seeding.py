"""Filling the embedded forge as its operator would: over REST and git, looking before creating."""

import base64
import itertools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx

from penstock.adapters.embedded import ORGANIZATION, Embedded
from penstock.ports import Permanent

PUSH_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A bare repository to publish: its branch becomes the default one. `origin` is the folder it is a copy of."""

    bare: Path
    name: str
    branch: str
    origin: Path


class Operator:
    """The operator's hands: everything is done with the operator's own token."""

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded
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
        pair = f"x-access-token:{self._embedded.operator_token}".encode()
        environment = {
            "PATH": os.defpath,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {base64.b64encode(pair).decode()}",
        }
        url = f"{self._embedded.url}/{ORGANIZATION}/{name}.git"
        words = [
            "git",
            "--git-dir",
            str(source.bare),
            "push",
            "--quiet",
            url,
            f"+refs/heads/{source.branch}:refs/heads/{source.branch}",
        ]
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=PUSH_SECONDS, check=False
        )
        if done.returncode != 0:
            raise Permanent(
                "forge_setup",
                f"pushing {source.origin} to the embedded forge failed: {done.stderr.strip()[-500:]}",
            )
        self._ask("PATCH", f"/repos/{ORGANIZATION}/{name}", {"default_branch": source.branch})
