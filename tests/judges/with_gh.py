"""GitHub's command line `gh`, as Debian has it: plain HTTP through the Unix socket that its configuration names."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.forge.world import git
from tests.judges.board import AbsentError, Judge
from tests.judges.stage import Stage, until

# `gh` forgets the port of a remote, and reaches the API through the socket whatever the host is called.
HOST = "127.0.0.1"
CHUNK = 1 << 16
FLOW = """on:
  workflow_dispatch:
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: echo "hello from the job"
"""


def version() -> str:
    """Gh's own."""
    if not shutil.which("gh"):
        raise AbsentError("gh is not installed (apt-get install gh)")
    said = subprocess.run(["gh", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2].partition("+")[0]


KEEP = """      - run: echo kept > kept.txt
      - uses: actions/upload-artifact@v4
        with:
          name: kept-files
          path: kept.txt
"""

judge = Judge(name="gh", version=version)


class Gh:
    """`gh` as one person, in a home of its own, with git sent to the forge."""

    def __init__(self, stage: Stage, home: Path, sockets: Path, login: str = "olga") -> None:
        self.stage, self.home, self.login, self.cwd = stage, home, login, home
        config = home / "gh"
        config.mkdir()
        (config / "config.yml").write_text(f"http_unix_socket: {sockets / 's'}\nprompt: disabled\n")
        (config / "hosts.yml").write_text(
            f"{HOST}:\n    user: {login}\n    oauth_token: {stage.tokens[login]}\n    git_protocol: https\n"
        )
        (home / ".gitconfig").write_text(
            f'[user]\n  name = {login}\n  email = {login}@example.test\n[url "{self._remote()}/"]\n'
            f"  insteadOf = https://{HOST}/\n"
        )

    def _remote(self) -> str:
        return self.stage.url.replace("://", f"://{self.login}:{self.stage.tokens[self.login]}@")

    def environment(self) -> Mapping[str, str]:
        """No prompt, no colour, no configuration but its own."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GH_CONFIG_DIR": str(self.home / "gh"),
            "GH_HOST": HOST,
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_COLOR": "1",
        }

    def tried(self, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """The finished command."""
        return subprocess.run(
            ["gh", *arguments],
            cwd=self.cwd,
            env=self.environment(),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def __call__(self, *arguments: str, given: str = "") -> str:
        """What it prints; it must succeed."""
        done = self.tried(*arguments, given=given)
        assert done.returncode == 0, f"gh {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What it prints, as JSON."""
        return json.loads(self(*arguments))


@contextmanager
def using(stage: Stage, name: str, login: str = "olga") -> Iterator[Gh]:
    """`gh` with a home of its own and its socket relayed to the forge."""
    # The path of a socket has at most 107 bytes; a test's own folder may be deeper.
    sockets = Path(tempfile.mkdtemp(prefix="gh-"))
    gh = Gh(stage, stage.work(f"gh-{name}-{login}"), sockets, login)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(sockets / "s"))
    listener.listen()
    threading.Thread(target=_relay, args=(listener, stage.url), daemon=True).start()
    try:
        yield gh
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        shutil.rmtree(sockets)


def _relay(listener: socket.socket, url: str) -> None:
    host, _, port = url.partition("://")[2].partition(":")
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_join, args=(near, (host, int(port))), daemon=True).start()


def _join(near: socket.socket, address: tuple[str, int]) -> None:
    with near, socket.create_connection(address) as far:
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source ends; then the target is told so."""
    with suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@judge.scenario("repo: view, list, clone, create, rename, delete; auth status")
def repo(stage: Stage) -> None:
    with using(stage, "repo") as gh:
        assert "Logged in" in gh.tried("auth", "status").stderr
        assert "# Widget" in gh("repo", "view", "acme/widget")
        shown = gh.json("repo", "view", "acme/widget", "--json", "name,owner,defaultBranchRef,isPrivate")
        assert (shown["defaultBranchRef"]["name"], shown["isPrivate"]) == ("main", False)
        assert "acme/widget" in gh("repo", "list", "acme")
        gh("repo", "clone", "acme/widget")
        assert (gh.home / "widget" / "README.md").exists()
        gh("repo", "create", "acme/gh-made", "--private", "--description", "Made by gh")
        gh("repo", "edit", "acme/gh-made", "--description", "Edited", "--enable-wiki=false")
        gh.cwd = gh.home / "widget"
        gh("repo", "rename", "gh-renamed", "--repo", "acme/gh-made", "--confirm")
        assert gh.json("repo", "view", "acme/gh-renamed", "--json", "description")["description"] == "Edited"
        gh("repo", "delete", "acme/gh-renamed", "--confirm")
        assert gh.tried("repo", "view", "acme/gh-renamed").returncode != 0


@judge.scenario("issue: create, list, view, comment, edit, close, reopen, lock, status")
def issue(stage: Stage) -> None:
    name = stage.repository("gh-issue")
    with using(stage, "issue") as gh:
        made = gh("issue", "create", "-R", name, "-t", "Zebra", "-b", "Striped", "-l", "bug", "-a", "olga")
        assert made.strip().endswith("/acme/gh-issue/issues/1")
        assert "Zebra" in gh("issue", "list", "-R", name, "--label", "bug", "--assignee", "@me")
        assert "Zebra" in gh("issue", "list", "-R", name, "--search", "zebra in:title")
        gh("issue", "comment", "1", "-R", name, "-b", "Spots?")
        assert "Spots?" in gh("issue", "view", "1", "-R", name, "--comments")
        gh("issue", "edit", "1", "-R", name, "--title", "Okapi", "--add-label", "question")
        gh("issue", "close", "1", "-R", name, "--reason", "not planned", "--comment", "No")
        seen = gh.json("issue", "view", "1", "-R", name, "--json", "state,title,labels,comments,closedAt")
        assert (seen["state"], seen["title"], len(seen["comments"])) == ("CLOSED", "Okapi", 2)
        assert {label["name"] for label in seen["labels"]} == {"bug", "question"}
        gh("issue", "reopen", "1", "-R", name)
        gh("issue", "lock", "1", "-R", name, "--reason", "resolved")
        gh("issue", "unlock", "1", "-R", name)
        assert "Okapi" in gh("issue", "status", "-R", name)


@judge.scenario("label: create, list, edit, clone, delete")
def label(stage: Stage) -> None:
    name, other = stage.repository("gh-label"), stage.repository("gh-label-2")
    with using(stage, "label") as gh:
        gh("label", "create", "hot", "-R", name, "--color", "ff0000", "--description", "Now")
        gh("label", "edit", "hot", "-R", name, "--name", "hotter")
        assert "hotter" in gh("label", "list", "-R", name)
        assert gh.json("label", "list", "-R", name, "--search", "hott", "--json", "name")
        gh("label", "clone", name, "-R", other)
        assert "hotter" in gh("label", "list", "-R", other)
        gh("label", "delete", "hotter", "-R", name, "--confirm")
        assert "hotter" not in gh("label", "list", "-R", name)


@judge.scenario("pr: create, view, diff, checks, review, ready, checkout, merge")
def pull(stage: Stage) -> None:
    name = stage.repository("gh-pr")
    with stage.client() as olga:
        olga.put(f"/repos/{name}/collaborators/mia", json={"permission": "push"})
    with using(stage, "pr") as gh, using(stage, "pr", "mia") as mia:
        gh("repo", "clone", name)
        gh.cwd = gh.home / "gh-pr"
        git("checkout", "-q", "-b", "topic", cwd=gh.cwd)
        (gh.cwd / "src" / "widget.py").write_text("def spin():\n    return 5\n")
        git("commit", "-q", "-a", "-m", "Spin 5", cwd=gh.cwd)
        git("push", "-q", stage.remote(name), "topic", cwd=gh.cwd)
        made = gh("pr", "create", "--title", "Spin", "--body", "Faster", "--draft", "--head", "topic")
        assert made.strip().endswith("/acme/gh-pr/pull/1")
        gh("pr", "ready", "1")
        assert "+    return 5" in gh("pr", "diff", "1")
        assert "Spin" in gh("pr", "list", "--state", "open")
        gh("pr", "edit", "1", "--add-label", "bug", "--add-reviewer", "mia", "--title", "Spin faster")
        gh("pr", "comment", "1", "--body", "Look")
        head = git("rev-parse", "HEAD", cwd=gh.cwd).stdout.strip()
        gh("api", f"repos/{name}/statuses/{head}", "-f", "state=success", "-f", "context=lint")
        assert "lint" in gh("pr", "checks", "1")
        mia("pr", "review", "1", "-R", name, "--approve", "--body", "Good")
        fields = "state,title,reviewDecision,reviews,statusCheckRollup,mergeable,files,commits,labels"
        until(
            lambda: gh.json("pr", "view", "1", "--json", fields)["mergeable"] == "MERGEABLE",
            "it does not become mergeable",
        )
        seen = gh.json("pr", "view", "1", "--json", fields)
        assert [one["state"] for one in seen["reviews"]] == ["APPROVED"]
        assert [one["path"] for one in seen["files"]] == ["src/widget.py"]
        assert "Spin faster" in gh("pr", "status")
        gh("pr", "merge", "1", "--squash", "--delete-branch")
        assert gh.json("pr", "view", "1", "--json", "state,mergedBy")["mergedBy"]["login"] == "olga"
        assert "topic" not in git("ls-remote", stage.remote(name), cwd=gh.cwd).stdout


@judge.scenario("pr: checkout, request changes, close with branch, reopen refused")
def other_pull(stage: Stage) -> None:
    name = stage.repository("gh-pr-2")
    stage.branch(name, "side", {"side.txt": "side\n"})
    with stage.client() as olga:
        olga.put(f"/repos/{name}/collaborators/mia", json={"permission": "push"})
    with using(stage, "pr2", "mia") as mia:
        mia("repo", "clone", name)
        mia.cwd = mia.home / "gh-pr-2"
        with stage.client() as olga:
            olga.post(f"/repos/{name}/pulls", json={"title": "Side", "head": "side", "base": "main"})
        mia("pr", "checkout", "1")
        assert (mia.cwd / "side.txt").exists()
        mia("pr", "review", "1", "--request-changes", "--body", "No")
        assert mia.json("pr", "view", "1", "--json", "reviews")["reviews"][0]["state"] == "CHANGES_REQUESTED"
        mia("pr", "close", "1", "--comment", "Bye", "--delete-branch")
        assert mia.json("pr", "list", "--state", "closed", "--json", "number") == [{"number": 1}]
        assert mia.tried("pr", "merge", "1", "--merge").returncode != 0


@judge.scenario("workflow and run: list, run, watch, view, log, rerun, cancel refused")
def run(stage: Stage) -> None:
    name = stage.repository("gh-run", {".github/workflows/ci.yml": FLOW})
    with using(stage, "run") as gh:
        assert "active" in gh("workflow", "list", "-R", name)
        gh("workflow", "run", "ci.yml", "-R", name, "--ref", "main")
        until(lambda: gh.json("run", "list", "-R", name, "--json", "databaseId"), "no run")
        number = str(gh.json("run", "list", "-R", name, "--json", "databaseId")[0]["databaseId"])
        gh("run", "watch", number, "-R", name, "--exit-status", "--interval", "1")
        seen = gh.json("run", "view", number, "-R", name, "--json", "conclusion,jobs,workflowName")
        assert (seen["conclusion"], len(seen["jobs"])) == ("success", 1)
        assert "hello from the job" in gh("run", "view", number, "-R", name, "--log")
        gh("run", "rerun", number, "-R", name)
        gh("run", "watch", number, "-R", name, "--exit-status", "--interval", "1")
        assert gh.tried("run", "cancel", number, "-R", name).returncode != 0
        gh("workflow", "disable", "ci.yml", "-R", name)
        gh("workflow", "enable", "ci.yml", "-R", name)
        assert "dispatch" in gh("workflow", "view", "ci.yml", "-R", name, "--yaml")


@judge.scenario("run: view as text, artifacts listed and downloaded", "actions/list-workflow-run-artifacts")
def run_text(stage: Stage) -> None:
    name = stage.repository("gh-run-2", {".github/workflows/ci.yml": FLOW + KEEP})
    with using(stage, "run2") as gh:
        gh("workflow", "run", "ci.yml", "-R", name, "--ref", "main")
        until(lambda: gh.json("run", "list", "-R", name, "--json", "databaseId"), "no run")
        number = str(gh.json("run", "list", "-R", name, "--json", "databaseId")[0]["databaseId"])
        gh("run", "watch", number, "-R", name, "--exit-status", "--interval", "1")
        seen = gh("run", "view", number, "-R", name, "--verbose")
        assert "build" in seen
        assert "kept-files" in seen.partition("ARTIFACTS")[2]
        gh("run", "download", number, "-R", name, "-n", "kept-files", "-D", "got")
        assert (gh.home / "got" / "kept.txt").read_text() == "kept\n"


@judge.scenario("api: REST with pages, GraphQL with variables, refusals; search; status codes")
def api(stage: Stage) -> None:
    name = stage.repository("gh-api")
    with using(stage, "api") as gh:
        for number in range(3):
            gh("api", f"repos/{name}/issues", "-f", f"title=Issue {number}")
        paged = gh("api", "--paginate", f"repos/{name}/issues?per_page=2", "--jq", ".[].number")
        assert sorted(paged.split()) == ["1", "2", "3"]
        query = """query($owner: String!, $name: String!, $endCursor: String) {
            repository(owner: $owner, name: $name) { issues(first: 2, after: $endCursor) {
            nodes { number } pageInfo { hasNextPage endCursor } } } }"""
        found = gh(
            *(
                "api",
                "graphql",
                "--paginate",
                "-f",
                f"query={query}",
                "-f",
                "owner=acme",
                "-f",
                "name=gh-api",
            ),
            *("--jq", ".data.repository.issues.nodes[].number"),
        )
        assert sorted(found.split()) == ["1", "2", "3"]
        assert "Not Found" in gh.tried("api", "repos/acme/none").stdout
        assert "HTTP/1.1 304" in gh.tried("api", "-i", "user", "-H", f"If-None-Match: {_tag(gh)}").stdout
        assert "Issue 1" in gh("search", "issues", "--repo", name, "Issue")


def _tag(gh: Gh) -> str:
    said = gh("api", "-i", "user")
    return next(
        line.partition(":")[2].strip() for line in said.splitlines() if line.lower().startswith("etag")
    )


@judge.scenario(
    "release: create, list, view, files up and down, delete",
    "repos/create-release",
    "repos/get-release-by-tag",
    "repos/delete-release",
)
def release(stage: Stage) -> None:
    name = stage.repository("gh-release")
    with using(stage, "release") as gh:
        gh("release", "create", "v2", "-R", name, "--title", "Two", "--notes", "Words", "--target", "main")
        assert "Two" in gh("release", "list", "-R", name)
        assert "Words" in gh("release", "view", "v2", "-R", name)
        tool = gh.home / "tool.bin"
        tool.write_bytes(b"\0first")
        gh("release", "upload", "v2", f"{tool}#The tool", "-R", name)
        assert "already exists" in gh.tried("release", "upload", "v2", str(tool), "-R", name).stderr
        tool.write_bytes(b"\0second")
        gh("release", "upload", "v2", str(tool), "-R", name, "--clobber")
        assert "tool.bin" in gh("release", "view", "v2", "-R", name)
        gh("release", "download", "v2", "-R", name, "-D", "got")
        assert (gh.home / "got" / "tool.bin").read_bytes() == b"\0second"
        gh("release", "create", "v3", str(tool), "-R", name, "--notes", "With a file", "--target", "main")
        made = gh.json("release", "view", "v3", "-R", name, "--json", "isDraft,assets")
        assert (made["isDraft"], [one["name"] for one in made["assets"]]) == (False, ["tool.bin"])
        gh("release", "delete-asset", "v3", "tool.bin", "-R", name, "--yes")
        assert gh.json("release", "view", "v3", "-R", name, "--json", "assets")["assets"] == []
        gh("release", "delete", "v2", "-R", name, "--yes")
        assert "Two" not in gh("release", "list", "-R", name)
