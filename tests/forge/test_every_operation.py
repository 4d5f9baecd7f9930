"""What GitHub answers in the same way everywhere, asked of every operation; each answer is judged by its description too."""

from collections.abc import Callable, Iterable

import httpx
import pytest
from tests.forge.openapi import REMOVED
from tests.forge.world import ROOMY, World, build

from localforge.forge import Settings
from localforge.operations import Operation
from localforge.ratelimit import Limits

# Changes what the others are asked about, or names no repository of the world.
ALONE = {"repos/delete", "repos/update"}


def path_of(row: Operation, repo: str) -> str:
    """The operation's path with plausible parameters."""
    path = row.path.replace("{owner}/{repo}", repo).replace("{org}", "acme").replace("*}", "}")
    while "{" in path:
        path = path[: path.index("{")] + "1" + path[path.index("}") + 1 :]
    return path


def asked(
    world: World, client: httpx.Client, rows: Iterable[Operation], repo: str = "acme/widget", **headers: str
) -> dict[str, httpx.Response]:
    """Each operation once, with an empty body."""
    return {
        row.id: client.request(row.method, path_of(row, repo), json={}, headers=headers)
        for row in rows
        if row.id not in ALONE
    }


def rows(world: World, wanted: Callable[[Operation], bool]) -> list[Operation]:
    found = [row for row in world.app.operations if not row.page and wanted(row)]
    assert found
    return found


def test_a_wrong_token_is_401(world: World) -> None:
    answers = asked(world, world.client("wrong"), rows(world, lambda row: True))
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 401} == {}
    assert {answer.json()["message"] for answer in answers.values()} == {"Bad credentials"}


def test_an_unknown_version_of_the_api_is_400(world: World) -> None:
    answers = asked(
        world, world.as_("olga"), rows(world, lambda row: True), **{"x-github-api-version": "2000-01-01"}
    )
    assert {answer.status_code for answer in answers.values()} == {400}


def test_another_s_private_repository_does_not_exist(world: World) -> None:
    answers = asked(
        world, world.as_("otto"), rows(world, lambda row: row.need is not None), repo="acme/secret"
    )
    assert {answer.status_code for answer in answers.values()} == {404}


def test_a_reader_writes_nothing(world: World) -> None:
    """403, or 404 for what readers may not even see; what asks of everybody (issues, comments) is left out."""
    writing = rows(
        world, lambda row: row.need is not None and row.need.level == "write" and row.need.role > 1
    )
    answers = asked(world, world.as_("otto"), writing)
    assert {answer.status_code for answer in answers.values()} <= {403, 404}
    assert sum(answer.status_code == 403 for answer in answers.values()) > 40


def test_a_renamed_repository_is_followed(world: World) -> None:
    """301 for reading and 307 for writing, to the address that survives a rename."""
    assert world.as_("olga").patch("/repos/acme/widget", json={"name": "gadget"}).status_code == 200
    answers = asked(world, world.as_("olga"), rows(world, lambda row: row.need is not None))
    for name, answer in answers.items():
        expected = 301 if answer.request.method == "GET" else 307
        assert answer.status_code == expected, name
        assert f"/repositories/{world.widget.id}" in answer.headers["location"], name


@pytest.mark.parametrize("login", ["olga", None])
def test_a_spent_limit_is_403_with_a_time_to_wait(tmp_path, clone, login: str | None) -> None:
    none = Limits(core=0, anonymous=0, search=0, graphql=0)
    world = build(tmp_path / "state", clone, Settings(limits=none))
    client = world.as_(login) if login else world.client()
    counted = rows(world, lambda row: row.resource in {"core", "graphql"} or bool(login and row.resource))
    answers = asked(world, client, counted)
    assert {answer.status_code for answer in answers.values()} == {403}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers.values())
    assert client.get("/rate_limit").status_code == 200
    world.forge.close()
    assert world.forge.settings != ROOMY


def test_what_github_took_away_is_410(world: World) -> None:
    """Classic project boards, in GitHub's words, for everybody."""
    gone = rows(world, lambda row: row.id in REMOVED)
    assert {row.id for row in gone} == REMOVED
    for client in (world.as_("olga"), world.client()):
        own = [row for row in gone if row.path != "/user/projects" or client.headers.get("authorization")]
        for answer in asked(world, client, own).values():
            assert answer.status_code == 410
            assert answer.json()["message"].startswith("Projects (classic) has been deprecated")


def test_what_is_known_is_304_and_not_counted(proposed: World) -> None:
    """Every list and every thing that answers 200 here."""
    olga = proposed.as_("olga")
    reading = rows(proposed, lambda row: row.method == "GET" and row.resource == "core")
    paths = [path_of(row, "acme/widget").replace("/contents/1", "/contents/README.md") for row in reading]
    paths.append("/search/issues?q=spin")
    shown = {path: answer for path in paths if (answer := olga.get(path)).status_code == 200}
    assert len(shown) > 30
    used = int(olga.get("/user").headers["x-ratelimit-used"])
    for path, answer in shown.items():
        known = olga.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (known.status_code, known.content) == (304, b""), path
        if "search" not in path:
            assert int(known.headers["x-ratelimit-used"]) == used
