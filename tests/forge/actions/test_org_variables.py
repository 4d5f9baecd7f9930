"""An organization's variables and secrets over the API: who sets them, whom they reach, what is never shown."""

import base64
from typing import Any

import httpx
import pytest
from nacl.public import PublicKey, SealedBox
from tests.forge.actions.flows import WIDGET
from tests.forge.world import World

from localforge import seed
from localforge.store import variables
from localforge.store.variables import Secret, Variable

ORG = "/orgs/acme/actions"
SECRET = "/repos/acme/secret/actions"
VALUE = "very " + "private"


def owner(world: World) -> httpx.Client:
    return world.client(seed.create_token(world.forge, world.people["olga"], "repo", "admin:org"))


def put_secret(client: httpx.Client, name: str, **more: object) -> httpx.Response:
    key = client.get(f"{ORG}/secrets/public-key").json()
    sealed = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(VALUE.encode())
    body = {"encrypted_value": base64.b64encode(sealed).decode(), "key_id": key["key_id"]}
    return client.put(f"{ORG}/secrets/{name}", json={**body, **more})


def names(client: httpx.Client, path: str) -> list[str]:
    """What is listed there, whatever the list is called."""
    found: dict[str, Any] = client.get(path).json()
    return [row["name"] for rows in found.values() if isinstance(rows, list) for row in rows]


@pytest.mark.parametrize("kind", ["secrets", "variables"])
def test_they_reach_the_repositories_that_they_are_for(world: World, kind: str) -> None:
    olga, chosen = owner(world), {"visibility": "selected", "selected_repository_ids": [world.widget.id]}

    def make(name: str, **more: object) -> httpx.Response:
        if kind == "secrets":
            return put_secret(olga, name, **more)
        return olga.post(f"{ORG}/variables", json={"name": name, "value": "1", **more})

    assert make("for_all", visibility="all").status_code == 201
    assert make("FOR_PRIVATE", visibility="private").status_code == 201
    assert make("CHOSEN", **chosen).status_code == 201
    assert names(olga, f"{ORG}/{kind}") == ["CHOSEN", "FOR_ALL", "FOR_PRIVATE"]
    assert names(olga, f"{WIDGET}/actions/organization-{kind}") == ["CHOSEN", "FOR_ALL"]
    assert names(olga, f"{SECRET}/organization-{kind}") == ["FOR_ALL", "FOR_PRIVATE"]
    one = f"{ORG}/{kind}/CHOSEN/repositories"
    assert names(olga, one) == ["widget"]
    assert olga.put(f"{one}/{world.secret.id}").status_code == 204
    assert names(olga, one) == ["widget", "secret"]
    assert olga.delete(f"{one}/{world.widget.id}").status_code == 204
    assert olga.put(one, json={"selected_repository_ids": [world.widget.id]}).status_code == 204
    assert names(olga, one) == ["widget"]
    assert olga.put(f"{one}/{1 << 70}").status_code == 404
    assert olga.put(one, json={"selected_repository_ids": ["x"]}).status_code == 422
    for_all = f"{ORG}/{kind}/for_all"
    assert olga.put(f"{for_all}/repositories/{world.widget.id}").status_code == 409
    shown = olga.get(for_all).json()
    assert (shown["name"], shown["visibility"]) == ("FOR_ALL", "all")
    assert ("value" in shown) == (kind == "variables")
    assert olga.delete(for_all).status_code == 204
    assert (olga.get(for_all).status_code, olga.delete(for_all).status_code) == (404, 404)


def test_what_a_change_leaves_as_it_was(world: World) -> None:
    """A variable keeps what its change does not name; a secret that is set again keeps when it was made."""
    olga = owner(world)
    chosen = {"visibility": "selected", "selected_repository_ids": [world.secret.id]}
    for name in ("A", "B"):
        olga.post(f"{ORG}/variables", json={"name": name, "value": "1", **chosen})
    assert olga.post(f"{ORG}/variables", json={"name": "a", "value": "2"}).status_code == 409
    assert olga.patch(f"{ORG}/variables/A", json={"name": "B"}).status_code == 409
    assert olga.patch(f"{ORG}/variables/A", json={"name": "C", "value": "3"}).status_code == 204
    row = variables.named_of_org(world.forge.store.db, Variable, world.org.id, "c")
    assert row is not None
    assert (row.value, row.visibility, row.selected) == ("3", "selected", [world.secret.id])
    assert names(olga, f"{ORG}/variables") == ["B", "C"]
    assert put_secret(olga, "KEY", **chosen).status_code == 201
    assert put_secret(olga, "KEY", visibility="all").status_code == 204
    assert put_secret(olga, "OTHER").status_code == 422
    secret = variables.named_of_org(world.forge.store.db, Secret, world.org.id, "KEY")
    assert secret is not None
    assert VALUE not in secret.value
    assert (secret.visibility, list(secret.selected)) == ("all", [])


def test_who_may_set_them(world: World) -> None:
    """Owners with a token for it; members, strangers and tokens that only read may not."""
    body = {"name": "A", "value": "1", "visibility": "all"}
    mia = world.client(seed.create_token(world.forge, world.people["mia"], "repo", "admin:org"))
    for client, status in ((world.as_("olga"), 403), (mia, 403), (world.client(), 401)):
        assert client.post(f"{ORG}/variables", json=body).status_code == status
        assert client.put(f"{ORG}/secrets/A", json={}).status_code == status
        assert client.delete(f"{ORG}/variables/A").status_code == status
    assert names(owner(world), f"{ORG}/variables") == []
    assert world.as_("otto").get(f"{WIDGET}/actions/organization-secrets").status_code == 404
