"""git's own client against the served forge: clone, fetch, push, and every refusal."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.forge.world import World, git

from localforge import seed
from localforge.forge import Forge


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A served world: `url` with a person's token in it is what git is given."""

    world: World
    url: str

    def remote(self, login: str | None, name: str = "acme/widget") -> str:
        credential = f"x-access-token:{self.world.tokens[login]}@" if login else ""
        return self.url.replace("http://", f"http://{credential}") + f"/{name}.git"

    def api(self, login: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"authorization": f"token {self.world.tokens[login]}"}
        return httpx.request(method, self.url + path, headers=headers, json=body)

    def pushes(self) -> list[tuple[str, str, str]]:
        """(ref, before, after) of every Push event, from the database as another process sees it."""
        forge = Forge(self.world.forge.state)
        kept = forge.store.db.column(
            str,
            "SELECT payload ->> 'ref' || ' ' || (payload ->> 'before') || ' ' || (payload ->> 'after')"
            " FROM event WHERE kind = 'Push' ORDER BY id",
        )
        forge.close()
        return [(line.split()[0], line.split()[1], line.split()[2]) for line in kept]


@pytest.fixture
def served(world: World, serve: Callable[[Path], str]) -> Served:
    """A populated forge, served by a process of its own."""
    world.forge.close()
    return Served(world=world, url=serve(world.forge.state))


def commit(work: Path, name: str, text: str) -> str:
    (work / name).parent.mkdir(parents=True, exist_ok=True)
    (work / name).write_text(text)
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", f"Change {name}", cwd=work)
    return git("rev-parse", "HEAD", cwd=work).stdout.strip()


def test_clone_push_and_fetch(served: Served, tmp_path: Path, clone: Path) -> None:
    """What was pushed is what others clone; each ref change is one Push event."""
    work = tmp_path / "work"
    git("clone", "-q", served.remote("wim"), work, cwd=tmp_path)
    before = git("rev-parse", "HEAD", cwd=work).stdout.strip()
    assert before == git("rev-parse", "HEAD", cwd=clone).stdout.strip()
    after = commit(work, "big.txt", "line of text\n" * 200_000)
    git("tag", "v2", cwd=work)
    git("push", "-q", "origin", "main", "v2", "HEAD:refs/heads/other", cwd=work)
    zero = "0" * 40
    assert sorted(served.pushes()) == sorted(
        [("refs/heads/main", before, after), ("refs/tags/v2", zero, after), ("refs/heads/other", zero, after)]
    )
    for options in (["--depth=1"], ["--filter=blob:none"], ["-c", "protocol.version=0"]):
        again = tmp_path / f"again{len(options[0])}{options[-1][-1]}"
        git("clone", "-q", *options, served.remote(None), again, cwd=tmp_path)
        assert git("rev-parse", "HEAD", cwd=again).stdout.strip() == after
    git("push", "-q", "origin", ":other", cwd=work)
    assert served.pushes()[-1] == ("refs/heads/other", after, zero)
    assert git("push", "origin", "main", cwd=work).stderr.strip() == "Everything up-to-date"
    assert len(served.pushes()) == 4


def test_who_may(served: Served, tmp_path: Path) -> None:
    """A credential is asked for first; then access is refused in words that git shows."""
    cases = [
        (None, "acme/secret", "could not read Username"),
        (None, "acme/nothing", "could not read Username"),
        ("otto", "acme/secret", "Repository not found."),
        ("otto", "acme/nothing", "Repository not found."),
    ]
    for login, name, words in cases:
        done = git("ls-remote", served.remote(login, name), cwd=tmp_path, check=False)
        assert done.returncode, name
        assert words in done.stderr
    work = tmp_path / "work"
    git("clone", "-q", served.remote(None), work, cwd=tmp_path)
    commit(work, "x", "x")
    for login, words in (
        (None, "could not read Username"),
        ("otto", "Permission to acme/widget.git denied to otto"),
    ):
        done = git("push", served.remote(login), "main", cwd=work, check=False)
        assert done.returncode
        assert words in done.stderr
    reader = seed_reader(served)
    done = git(
        "push",
        served.url.replace("http://", f"http://x:{reader}@") + "/acme/widget.git",
        "main",
        cwd=work,
        check=False,
    )
    assert "denied to olga" in done.stderr
    challenge = httpx.get(f"{served.url}/acme/secret.git/info/refs?service=git-upload-pack")
    assert (challenge.status_code, challenge.headers["www-authenticate"]) == (401, 'Basic realm="GitHub"')
    assert served.pushes() == []


def seed_reader(served: Served) -> str:
    forge = Forge(served.world.forge.state)
    token = seed.create_fine_grained_token(forge, seed.account(forge, "olga"), {"contents": "read"})
    forge.close()
    return token


def test_a_protected_branch_refuses(served: Served, tmp_path: Path) -> None:
    """Direct pushes, force pushes and deletions are declined as GitHub words it; nothing moves."""
    rules = {
        "required_status_checks": {"strict": True, "contexts": ["ci"]},
        "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "restrictions": None,
    }
    assert served.api("olga", "PUT", "/repos/acme/widget/branches/main/protection", rules).status_code == 200
    work = tmp_path / "work"
    git("clone", "-q", served.remote("olga"), work, cwd=tmp_path)
    before = git("rev-parse", "HEAD", cwd=work).stdout.strip()
    commit(work, "x", "x")
    direct = git("push", "origin", "main", "HEAD:free", cwd=work, check=False)
    assert direct.returncode
    for words in (
        "GH006: Protected branch update failed for refs/heads/main.",
        'Required status check "ci" is expected.',
        "Changes must be made through a pull request.",
        "protected branch hook declined",
    ):
        assert words in direct.stderr
    git("reset", "-q", "--hard", "HEAD~2", cwd=work)
    forced = git("push", "-f", "origin", "main", cwd=work, check=False)
    assert "Cannot force-push to this protected branch" in forced.stderr
    deleted = git("push", "origin", ":main", cwd=work, check=False)
    assert deleted.returncode
    assert (
        served.api("olga", "GET", "/repos/acme/widget/git/ref/heads/main").json()["object"]["sha"] == before
    )
    assert served.api("olga", "GET", "/repos/acme/widget/git/ref/heads/free").status_code == 404
    assert served.pushes() == []
    git("push", "-q", "origin", "HEAD:free", cwd=work)
    assert len(served.pushes()) == 1


def test_other_refusals(served: Served, tmp_path: Path) -> None:
    """An archived repository, GitHub's own refs, workflow files without the scope, a pushed hook."""
    forge = Forge(served.world.forge.state)
    narrow = seed.create_token(forge, seed.account(forge, "olga"), "repo")
    forge.close()
    work = tmp_path / "work"
    git("clone", "-q", served.remote("olga"), work, cwd=tmp_path)
    assert git("push", "origin", "HEAD:refs/pull/1/head", cwd=work, check=False).returncode
    commit(work, ".github/workflows/ci.yml", "on: push\n")
    remote = served.url.replace("http://", f"http://x:{narrow}@") + "/acme/widget.git"
    refused = git("push", remote, "main", cwd=work, check=False)
    assert (
        "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml`"
        in refused.stderr
    )
    git("push", "-q", "origin", "main", cwd=work)
    assert served.api("olga", "PATCH", "/repos/acme/widget", {"archived": True}).json()["archived"] is True
    commit(work, "y", "y")
    assert "archived so it is read-only" in git("push", "origin", "main", cwd=work, check=False).stderr
    renamed = served.api("olga", "PATCH", "/repos/acme/widget", {"archived": False, "name": "gadget"})
    assert renamed.json()["full_name"] == "acme/gadget"
    git("push", "-q", "origin", "main", cwd=work)
    assert len(served.pushes()) == 2


def test_killed_between_git_and_the_journal(
    world: World, tmp_path: Path, serve: Callable[[Path], str]
) -> None:
    """A ref that moved before the process died has its one event after the next start; one that did not, none."""
    from localforge.events import ZERO_SHA
    from localforge.refs import PUSH, Move, intend

    git_dir = world.forge.git(world.widget.id)
    head = git_dir.text("rev-parse", "refs/heads/main")
    moved = Move(ref="refs/heads/moved", before=ZERO_SHA, after=head)
    never = Move(ref="refs/heads/never", before=ZERO_SHA, after=head)
    intend(world.forge, world.widget.id, [moved, never], world.people["olga"].id, PUSH)
    git_dir.run("update-ref", moved.ref, head, ZERO_SHA)
    world.forge.close()
    served = Served(world=world, url=serve(world.forge.state))
    assert served.pushes() == [("refs/heads/moved", ZERO_SHA, head)]
    forge = Forge(world.forge.state)
    states = forge.store.db.column(str, "SELECT state FROM ref_change ORDER BY id")
    forge.close()
    assert states == ["done", "dropped"]


@pytest.mark.slow
def test_killed_during_pushes(world: World, tmp_path: Path) -> None:
    """SIGKILL among pushes: after the next start every branch has exactly one event, and no event lacks its branch."""
    import sys

    state = world.forge.state
    world.forge.close()
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "localforge", "serve", "--state", str(state), "--ready-file", str(ready)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": "src"})
    while not ready.exists() or not ready.read_text():
        time.sleep(0.01)
    served = Served(world=world, url=ready.read_text().strip())
    work = tmp_path / "work"
    git("clone", "-q", served.remote("wim"), work, cwd=tmp_path)
    pushing = subprocess.Popen(
        ["sh", "-c", "for n in $(seq 40); do git push -q origin HEAD:refs/heads/b$n || exit; done"],
        cwd=work,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.5)
    server.send_signal(signal.SIGKILL)
    server.wait()
    pushing.wait()
    forge = Forge(state)
    from localforge.git.refnames import refs
    from localforge.refs import recover

    recover(forge)
    branches = {ref.name for ref in refs(forge.git(world.widget.id), "refs/heads/b")}
    forge.close()
    assert branches, "the kill came before the first push"
    assert sorted(ref for ref, _, _ in served.pushes()) == sorted(branches)
