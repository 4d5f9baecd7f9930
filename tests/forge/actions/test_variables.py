"""Variables and secrets: over REST, and what reaches a job."""

import base64
from dataclasses import replace

import httpx
import pytest
from nacl.public import PublicKey, SealedBox
from tests.forge.actions.flows import WIDGET, put_workflow, runs
from tests.forge.world import World

from localforge.actions.masking import forms
from localforge.actions.sealing import KEY_FILE, seal, secrets_of
from localforge.store import actions, variables
from localforge.store.variables import Secret, Variable

VARIABLES = f"{WIDGET}/actions/variables"
SECRETS = f"{WIDGET}/actions/secrets"
VALUE = "very " + "private"


def set_secret(client: httpx.Client, name: str, value: str = VALUE) -> httpx.Response:
    """As any client does: fetch the key, seal, put."""
    key = client.get(f"{SECRETS}/public-key").json()
    sealed = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(value.encode())
    body = {"encrypted_value": base64.b64encode(sealed).decode(), "key_id": key["key_id"]}
    return client.put(f"{SECRETS}/{name}", json=body)


def for_org(world: World, kind: type[Variable], name: str, value: str, visibility: str = "all") -> None:
    row = kind(
        id=0,
        org_id=world.org.id,
        repo_id=None,
        name=name,
        value=value,
        visibility=visibility,  # type: ignore[arg-type]
        selected=[world.secret.id],
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:00Z",
    )
    with world.forge.store.write() as tx:
        variables.put_for_org(tx, kind, row)


def test_variables(world: World) -> None:
    wim = world.as_("wim")
    assert wim.post(VARIABLES, json={"name": "level", "value": "1"}).status_code == 201
    again = wim.post(VARIABLES, json={"name": "LEVEL", "value": "2"})
    assert (again.status_code, again.json()["message"]) == (
        409,
        "Already exists - Variable already exists",
    )
    wim.post(VARIABLES, json={"name": "OTHER", "value": ""})
    assert wim.get(f"{VARIABLES}/level").json()["value"] == "1"
    assert wim.patch(f"{VARIABLES}/LEVEL", json={"name": "OTHER"}).status_code == 409
    assert wim.patch(f"{VARIABLES}/LEVEL", json={"name": "height", "value": "3"}).status_code == 204
    listed = wim.get(VARIABLES).json()
    assert [(row["name"], row["value"]) for row in listed["variables"]] == [("HEIGHT", "3"), ("OTHER", "")]
    assert wim.delete(f"{VARIABLES}/height").status_code == 204
    for method, body in (("GET", None), ("PATCH", {"value": "x"}), ("DELETE", None)):
        assert wim.request(method, f"{VARIABLES}/HEIGHT", json=body).status_code == 404


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GITHUB_X", "names must not start with GITHUB_."),
        ("1ST", "can only contain alphanumeric characters"),
        ("A-B", "can only contain alphanumeric characters"),
    ],
)
def test_names_are_githubs(world: World, name: str, message: str) -> None:
    olga = world.as_("olga")
    assert message in olga.post(VARIABLES, json={"name": name, "value": "x"}).json()["message"]
    assert message in set_secret(olga, name).json()["message"]
    assert olga.get(SECRETS).json()["total_count"] == 0


def test_a_value_has_a_largest_size(world: World) -> None:
    olga = world.as_("olga")
    assert olga.post(VARIABLES, json={"name": "A", "value": "x" * 49153}).status_code == 422
    assert set_secret(olga, "A", "x" * 49153).status_code == 422
    assert set_secret(olga, "A", "x" * 49152).status_code == 201


def test_a_secret_is_written_and_never_read(world: World) -> None:
    wim = world.as_("wim")
    assert set_secret(wim, "token").status_code == 201
    assert set_secret(wim, "TOKEN", VALUE + "!").status_code == 204
    listed = wim.get(SECRETS)
    assert [set(row) for row in listed.json()["secrets"]] == [{"name", "created_at", "updated_at"}]
    assert (world.forge.state / KEY_FILE).stat().st_mode & 0o077 == 0
    assert VALUE.encode() not in (world.forge.state / "forge.sqlite-wal").read_bytes()
    key = wim.get(f"{SECRETS}/public-key").json()
    wrong_key = wim.put(f"{SECRETS}/B", json={"encrypted_value": "eA==", "key_id": "1"})
    not_sealed = wim.put(f"{SECRETS}/B", json={"encrypted_value": "eA==", "key_id": key["key_id"]})
    assert (wrong_key.status_code, not_sealed.status_code) == (422, 422)
    assert wim.get(f"{SECRETS}/token").json()["name"] == "TOKEN"
    assert wim.delete(f"{SECRETS}/token").status_code == 204
    assert wim.get(f"{SECRETS}/token").status_code == 404
    assert wim.delete(f"{SECRETS}/token").status_code == 404


def test_who_may_see_them(world: World) -> None:
    for address in (VARIABLES, SECRETS, f"{SECRETS}/public-key"):
        assert world.as_("wim").get(address).status_code == 200
        assert world.as_("otto").get(address).status_code == 404
        assert world.client().get(address).status_code in {401, 404}
    for kind in ("secrets", "variables"):
        assert world.as_("olga").get(f"/orgs/acme/actions/{kind}").status_code == 200
        assert world.as_("mia").get(f"/orgs/acme/actions/{kind}").status_code == 403
        assert world.client().get(f"/orgs/acme/actions/{kind}").status_code == 401


def test_an_organizations_are_listed_and_reach_those_they_are_for(world: World) -> None:
    olga = world.as_("olga")
    for visibility in ("all", "private", "selected"):
        for_org(world, Variable, f"V_{visibility}".upper(), visibility, visibility)
        for_org(world, Secret, f"S_{visibility}".upper(), seal(world.forge, visibility), visibility)
    listed = olga.get("/orgs/acme/actions/variables").json()["variables"]
    assert [(row["name"], row["visibility"]) for row in listed] == [
        ("V_ALL", "all"),
        ("V_PRIVATE", "private"),
        ("V_SELECTED", "selected"),
    ]
    assert listed[2]["selected_repositories_url"].endswith("/variables/V_SELECTED/repositories")
    assert "value" not in olga.get("/orgs/acme/actions/secrets").json()["secrets"][0]
    olga.post(VARIABLES, json={"name": "V_ALL", "value": "own"})
    db = world.forge.store.db
    assert variables.reaching(db, Variable, world.widget) == {"V_ALL": "own"}
    assert set(variables.reaching(db, Secret, world.secret)) == {"S_ALL", "S_PRIVATE", "S_SELECTED"}


def test_a_strangers_pull_request_gets_no_secrets(world: World) -> None:
    olga = world.as_("olga")
    set_secret(olga, "TOKEN")
    put_workflow(olga)
    (shown,) = runs(world)
    run = actions.existing_run(world.forge.store.db, shown["id"])
    forked = replace(run, event="pull_request", pull_number=1, head_repo_id=world.secret.id)
    own = replace(forked, head_repo_id=run.repo_id)
    for row, given in (
        (run, {"TOKEN": VALUE}),
        (own, {"TOKEN": VALUE}),
        (forked, {}),
        (replace(forked, event="pull_request_target"), {"TOKEN": VALUE}),
    ):
        assert secrets_of(world.forge, world.forge.store.db, row) == given


def test_the_forms_of_a_secret_that_are_masked() -> None:
    secret = "first'line\nsecond line & more"
    hidden = set(forms(secret))
    for prefix in (b"", b"x", b"xy"):
        encoded = base64.b64encode(prefix + secret.encode() + b"tail").decode()
        assert any(form and form in encoded for form in hidden), prefix
    assert {"second line & more", "first'line\\nsecond line & more"} <= hidden
    assert "first%27line%0Asecond%20line%20%26%20more" in hidden
