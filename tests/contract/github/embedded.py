"""The adapter on the embedded forge, a local clone to take content from, and a wire that loses things."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.contract.github.setting import NOW, Kit
from tests.forge.world import World, build, git

from localforge.mounted import MountedForge
from penstock.core.evidence import FileMode
from penstock.core.refs import NodeId, RepoRef, Sha
from penstock.core.write import Content, TreeEdit

URL = "http://forge.test"


class LossyWire(httpx.BaseTransport):
    """Loses one mutating request, or its answer: `losing` counts down to it, `performed` says which."""

    def __init__(self, forge: httpx.BaseTransport) -> None:
        self._forge = forge
        self.losing: int | None = None
        self.performed = True
        self.mutations: list[str] = []
        self.before: Callable[[str], None] = lambda _mutation: None
        """Runs before each mutation: what somebody else does in that moment."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" or request.url.path.endswith("/graphql"):
            return self._forge.handle_request(request)
        number = len(self.mutations)
        self.mutations.append(f"{request.method} {request.url.path}")
        self.before(self.mutations[-1])
        if number != self.losing:
            return self._forge.handle_request(request)
        if self.performed:
            self._forge.handle_request(request)
        raise httpx.ReadError("the connection was cut")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """`kit` writes as wim, who may write to acme/widget; `admin` reads as olga, who owns it."""

    world: World
    kit: Kit
    admin: Kit
    wire: LossyWire
    clone: Path
    repo: RepoRef

    def owner(self) -> httpx.Client:
        """A plain client of somebody who may do everything."""
        headers = {"authorization": f"Bearer {self.admin.token}"}
        return httpx.Client(transport=MountedForge(self.world.app), base_url=URL, headers=headers)

    def content(self, files: Mapping[str, bytes | None]) -> Content:
        """Files written, deleted (None) or, with a name that ends in `*`, made executable, on top of main."""
        for name, data in files.items():
            path = self.clone / name.rstrip("*")
            path.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                path.unlink()
                with suppress(OSError):
                    path.parent.rmdir()
            else:
                path.write_bytes(data)
                path.chmod(0o755 if name.endswith("*") else 0o644)
        git("add", "-A", cwd=self.clone)
        tree = Sha(git("write-tree", cwd=self.clone).stdout.strip())
        base = self.head("main")
        base_tree = Sha(git("rev-parse", f"{base}^{{tree}}", cwd=self.clone).stdout.strip())
        edits = self.edits(base_tree, tree)
        git("reset", "-q", "--hard", cwd=self.clone)
        return Content(
            repo=self.repo,
            branch="penstock/c-1",
            expected_head=None,
            parents=(base,),
            base_tree=base_tree,
            tree=tree,
            edits=edits,
            message="Rename spin\n\nPenstock-Change: c-1",
            at=NOW.replace(microsecond=123456),
        )

    def head(self, branch: str) -> Sha:
        head = self.kit.reader.branch_head(self.repo, branch)
        assert head is not None
        return head

    def edits(self, base_tree: Sha, tree: Sha) -> tuple[TreeEdit, ...]:
        """What differs between two trees of the clone."""
        listed = git("diff-tree", "-r", "-z", "--no-renames", base_tree, tree, cwd=self.clone).stdout
        fields = listed.split("\0")
        raw = [(facts.split(), path) for facts, path in zip(fields[::2], fields[1::2], strict=False)]
        return tuple(
            TreeEdit(path=path, mode=FileMode.ABSENT, sha=None)
            if status == "D"
            else TreeEdit(path=path, mode=FileMode(mode), sha=Sha(new))
            for (_, mode, _, new, status), path in raw
        )

    def shown(self, commit: str, path: str) -> str:
        """A file's mode and content as real git has it in the forge's own repository."""
        gitdir = self.world.forge.git_path(self.world.widget.id)
        mode = git("ls-tree", commit, path, cwd=gitdir).stdout.partition(" ")[0]
        return f"{mode} {git('show', f'{commit}:{path}', cwd=gitdir).stdout}"


@contextmanager
def embedded(state: Path, clone: Path) -> Iterator[Embedded]:
    """A populated forge of its own, and a copy of the clone to work in."""
    world = build(state / "forge", clone)
    wire = LossyWire(MountedForge(world.app))
    work = state / "work"
    git("clone", "-q", clone, work, cwd=state)

    def blob(_repo: RepoRef, sha: Sha) -> bytes:
        done = subprocess.run(["git", "cat-file", "blob", sha], cwd=work, capture_output=True, check=True)
        return done.stdout

    with httpx.Client(transport=wire) as http, httpx.Client(transport=MountedForge(world.app)) as plain:
        kit = Kit(http=http, base_url=URL, token=world.tokens["wim"], blob=blob)
        admin = Kit(http=plain, base_url=URL, token=world.tokens["olga"])
        facts = admin.reader.repository(
            RepoRef(forge="embedded", node_id=NodeId(""), owner="acme", name="widget")
        )
        assert facts is not None
        repo = RepoRef(forge="embedded", node_id=NodeId(facts.node_id), owner="acme", name="widget")
        yield Embedded(world=world, kit=kit, admin=admin, wire=wire, clone=work, repo=repo)
    world.forge.close()
