"""Answers that GitHub documents of an operation and that no other test asks for."""

import httpx
from tests.forge.actions.flows import WIDGET, put_workflow, runs
from tests.forge.proposing import REPO
from tests.forge.robots import robot
from tests.forge.test_alerts import DEPENDABOT, SECRETS, Planted, planted
from tests.forge.test_code_scanning import ALERTS, result, sarif, upload
from tests.forge.world import World

__all__ = ["planted"]
JOB = "on: push\njobs: {job: {runs-on: x, steps: [{run: 'true'}]}}\n"


def known(client: httpx.Client, url: str) -> int:
    """The status for who has the answer already."""
    seen = client.get(url)
    assert seen.status_code == 200, seen.text
    return client.get(url, headers={"if-none-match": seen.headers["etag"]}).status_code


def test_what_is_known_is_304(world: World) -> None:
    olga = world.as_("olga")
    for query in ("code?q=spin+repo:acme/widget", "repositories?q=widget"):
        assert known(olga, f"/search/{query}") == 304, query
    assert known(robot(world).client(), "/installation/repositories") == 304
    assert upload(world, sarif(result())).status_code == 202
    assert (known(olga, ALERTS), known(olga, f"{ALERTS}/1")) == (304, 304)


def test_known_alerts_are_304(planted: Planted) -> None:
    ann = planted.as_("ann")
    assert (known(ann, f"{DEPENDABOT}/1"), known(ann, f"{SECRETS}/1")) == (304, 304)
    assert ann.get(f"{DEPENDABOT}?direction=sideways").status_code == 422


def test_refusals(world: World) -> None:
    """A comparison with what is not there, a reaction that there is none of, a repository that has moved."""
    olga, helper = world.as_("olga"), robot(world)
    assert olga.get(f"{REPO}/compare/none...feature/side").status_code == 404
    olga.post(f"{REPO}/issues", json={"title": "x"})
    assert olga.post(f"{REPO}/issues/1/reactions", json={"content": "shrug"}).status_code == 422
    olga.patch(REPO, json={"name": "gadget"})
    assert helper.itself().get(f"{REPO}/installation").status_code == 301


def test_a_run_without_artifacts(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, JOB)
    listed = olga.get(f"{WIDGET}/actions/runs/{runs(world)[0]['id']}/artifacts").json()
    assert listed == {"total_count": 0, "artifacts": []}
