"""An App for tests: registered, installed on `acme`, and able to say who it is."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from tests.forge.world import World

from localforge import seed
from localforge.apps.registering import Blueprint
from localforge.store.apps import App, Installation
from localforge.store.repos import Repository

PERMISSIONS = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """`helper-robot`, with its key and where it is installed."""

    world: World
    app: App
    key: str = field(repr=False)
    installation: Installation

    @property
    def where(self) -> str:
        return f"/app/installations/{self.installation.id}"

    def assertion(self, **claims: object) -> str:
        """What the App says of itself; claims replace the usual ones, None leaves one out."""
        now = int(time.time())
        said = {"iat": now - 60, "exp": now + 540, "iss": str(self.app.id), **claims}
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.api_jws.encode(json.dumps(kept).encode(), self.key, algorithm="RS256")

    def itself(self, **claims: object) -> httpx.Client:
        """A client as the App."""
        return bearer(self.world, self.assertion(**claims))

    def token(self, **wish: object) -> dict[str, Any]:
        """A new installation token, as GitHub answers."""
        answer = self.itself().post(f"{self.where}/access_tokens", json=wish)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def client(self, **wish: object) -> httpx.Client:
        """A client with an installation token."""
        return self.world.client(self.token(**wish)["token"])


def reporter(world: World) -> httpx.Client:
    """An App that reports checks on everything of `acme`."""
    return world.client(reporter_token(world))


def reporter_token(world: World) -> str:
    """The token of its installation, good for an hour."""
    token: str = robot(world, name="Reporter", permissions={"checks": "write"}).token()["token"]
    return token


def bearer(world: World, token: str) -> httpx.Client:
    client = world.client()
    client.headers["authorization"] = f"Bearer {token}"
    return client


def robot(
    world: World,
    *,
    permissions: Mapping[str, str] = PERMISSIONS,
    repositories: Sequence[Repository] | None = None,
    webhook: str | None = None,
    name: str = "Helper Robot",
) -> Robot:
    """Register the App as olga's and install it on `acme`."""
    blueprint = Blueprint(
        name=name,
        permissions=permissions,
        events=("issues", "push") if webhook else (),
        webhook_url=webhook,
        webhook_secret="s" * 20 if webhook else "",
    )
    made = seed.create_app(world.forge, world.people["olga"], blueprint)
    item = seed.install_app(world.forge, made.app, world.org, repositories=repositories)
    return Robot(world=world, app=made.app, key=made.private_key, installation=item)
