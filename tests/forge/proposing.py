"""What tests of pull requests do over and over: propose branches, report, review, protect, merge."""

from collections.abc import Sequence

import httpx
from tests.forge.world import World, git

REPO = "/repos/acme/widget"
PULLS = f"{REPO}/pulls"


def sha_of(world: World, branch: str) -> str:
    return str(world.as_("olga").get(f"{REPO}/git/ref/heads/{branch}").json()["object"]["sha"])


def propose(
    world: World, branch: str, files: dict[str, str], *, messages: Sequence[str] = ("Change",)
) -> None:
    """A branch from main with one commit per message; the files change in the last one."""
    work = world.forge.state / f"work-{branch.replace('/', '-')}"
    git("clone", "-q", world.forge.git_path(world.widget.id), work, cwd=world.forge.state)
    git("checkout", "-q", "-b", branch, cwd=work)
    for message in messages:
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text if message is messages[-1] else f"{message}\n")
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", message, cwd=work)
    git("push", "-q", "origin", branch, cwd=work)


def commit(world: World, branch: str, name: str, text: str = "text\n") -> str:
    """One commit on a branch, through the API, which settles it like a push."""
    olga = world.as_("olga")
    head = sha_of(world, branch)
    tree = olga.post(
        f"{REPO}/git/trees",
        json={"base_tree": head, "tree": [{"path": name, "mode": "100644", "type": "blob", "content": text}]},
    ).json()["sha"]
    made = olga.post(f"{REPO}/git/commits", json={"message": f"Add {name}", "tree": tree, "parents": [head]})
    moved = olga.patch(f"{REPO}/git/refs/heads/{branch}", json={"sha": made.json()["sha"]})
    assert moved.status_code == 200, moved.text
    return str(made.json()["sha"])


def open_pull(world: World, login: str = "olga", **body: object) -> httpx.Response:
    return world.as_(login).post(PULLS, json={"title": "Spin", "base": "main", **body})


def merge(world: World, number: int = 1, login: str = "olga", **body: object) -> httpx.Response:
    return world.as_(login).put(f"{PULLS}/{number}/merge", json=body)


def review(world: World, login: str, event: str | None, body: str = "", **more: object) -> dict[str, object]:
    sent = {"body": body, **({"event": event} if event else {}), **more}
    answer = world.as_(login).post(f"{PULLS}/1/reviews", json=sent)
    assert answer.status_code == 200, answer.text
    given: dict[str, object] = answer.json()
    return given


def protect(world: World, **rules: object) -> None:
    empty = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    answer = world.as_("olga").put(f"{REPO}/branches/main/protection", json={**empty, **rules})
    assert answer.status_code == 200, answer.text


def state(world: World) -> str:
    return str(world.as_("olga").get(f"{PULLS}/1").json()["mergeable_state"])


def report(world: World, context: str, outcome: str, sha: str | None = None) -> None:
    where = f"{REPO}/statuses/{sha or sha_of(world, 'topic')}"
    assert world.as_("wim").post(where, json={"state": outcome, "context": context}).status_code == 201
