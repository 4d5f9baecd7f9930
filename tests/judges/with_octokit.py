"""octokit (`baseUrl`) and Probot, whose app is told of an issue by a signed delivery and answers it."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from tests.judges.board import Judge
from tests.judges.node import FOLDER, certificates, node, run, version_of
from tests.judges.stage import REPORTER, Stage, until

octokit = Judge(name="octokit", version=lambda: version_of("octokit"))
probot = Judge(name="Probot", version=lambda: version_of("probot"))


def _octokit(name: str, words: str) -> None:
    @octokit.scenario(words)
    def scenario(stage: Stage) -> None:
        repo = stage.repository(f"octokit-{name}")
        env = {"FORGE_URL": stage.url, "FORGE_TOKEN": stage.tokens["olga"], "FORGE_REPO": repo}
        env["APP_TOKEN"] = stage.tokens[REPORTER]
        run(FOLDER / "octokit.mjs", name, env=env)


_octokit("reading", "user, repository, raw README, tree")
_octokit("paginating", "issues through every page; 304 for what is known")
_octokit("proposing", "branch, file, pull request, diff, check, status, merge")
_octokit("graphql", "cursors followed; an error with its type")
_octokit("refusing", "401, 404 and 422 as RequestError")


@contextmanager
def _greeter(stage: Stage, env: Mapping[str, str]) -> Iterator[str]:
    """The address at which the app takes deliveries."""
    process = subprocess.Popen(
        [node(), FOLDER / "probot.mjs"],
        cwd=FOLDER,
        env={"PATH": os.environ["PATH"], "FORGE_URL": stage.url, **certificates(), **env},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/hooks"
    finally:
        process.terminate()
        process.communicate(timeout=20)


@probot.scenario("a signed delivery reaches the app, which comments; an unsigned one does not")
def greeting(stage: Stage) -> None:
    name, secret = stage.repository("probot"), os.urandom(12).hex()
    with (
        _greeter(stage, {"FORGE_TOKEN": stage.tokens["mia"], "HOOK_SECRET": secret}) as url,
        stage.client() as olga,
    ):
        config = {"url": url, "content_type": "json", "secret": secret}
        made = olga.post(f"/repos/{name}/hooks", json={"config": config, "events": ["issues"]})
        assert made.status_code == 201, made.text
        olga.post(f"/repos/{name}/issues", json={"title": "Hi"})
        comments = f"/repos/{name}/issues/1/comments"
        until(lambda: olga.get(comments).json(), "the app does not comment")
        said = olga.get(comments).json()[0]
        assert (said["body"], said["user"]["login"]) == ("Hello olga", "mia")
        deliveries = f"/repos/{name}/hooks/{made.json()['id']}/deliveries"
        until(lambda: len(olga.get(deliveries).json()) == 2, "the app's answer is not recorded")
        told = {(one["event"], one["status_code"]) for one in olga.get(deliveries).json()}
        assert told == {("ping", 200), ("issues", 200)}
        forged = {"x-github-event": "issues", "x-github-delivery": "1", "x-hub-signature-256": "sha256=00"}
        assert httpx.post(url, json={"action": "opened"}, headers=forged).status_code == 400
        assert len(olga.get(comments).json()) == 1
