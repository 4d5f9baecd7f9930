"""The pages: what each tells, that nothing a stranger wrote becomes markup, and who sees what."""

import httpx
from tests.forge.world import World

from localforge.mounted import MountedForge

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def browser(world: World, login: str | None = None) -> httpx.Client:
    """A client that asks as a browser does; whoever is named shows their token."""
    credential = {"authorization": f"token {world.tokens[login]}"} if login else {}
    transport = MountedForge(world.app)
    return httpx.Client(transport=transport, base_url="http://forge.test", headers=BROWSER | credential)


def test_smoke(world: World) -> None:
    """Quick."""
    me = browser(world)
    for path in (
        "/",
        "/acme",
        "/acme/widget",
        "/acme/widget/tree/main",
        "/acme/widget/blob/main/src/widget.py",
        "/acme/widget/commits/main",
        "/acme/widget/commit/main",
        "/acme/widget/issues",
        "/acme/widget/pulls",
        "/acme/widget/actions",
        "/_assets/forge.css",
    ):
        answer = me.get(path)
        assert answer.status_code == 200, (path, answer.text)
