"""Answers that are remembered: never one that a write has overtaken, counted and revalidated like any other."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.forge.robots import robot
from tests.forge.world import World, build, git

from localforge import seed
from localforge.access import Role
from localforge.call import Answer
from localforge.dispatch import Found, Request, dispatch
from localforge.faults.rules import Rule
from localforge.forge import Forge, Settings
from localforge.integrity import snapshots
from localforge.memory import MOST_ANSWERS, Known, Memory
from localforge.ratelimit import Limits
from localforge.store.store import Store

REPO, SECRET = "/repos/acme/widget", "/repos/acme/secret"
ISSUES, ISSUE = f"{REPO}/issues", f"{REPO}/issues/1"


# --- the memory by itself ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Clockwork:
    """A database whose commits are counted by hand."""

    now: int | None = 1

    def version(self) -> int | None:
        return self.now


def known(content: bytes = b"{}") -> Known:
    return Known(content=content, etag="", whole=(), same=(), key=None, resource="core", expires_at=None)


@dataclass(slots=True)
class Shelf:
    """A memory and its database."""

    versions: Clockwork = field(default_factory=Clockwork)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.memory = Memory(self.versions)

    def keep(self, key: str, content: bytes = b"{}", meanwhile: Callable[[], object] = lambda: None) -> None:
        with self.memory.watching():
            meanwhile()
            self.memory.keep(key, known(content))

    def commit(self) -> None:
        self.versions.now = (self.versions.now or 0) + 1

    def lose_sight(self) -> None:
        self.versions.now = None

    def has(self, key: str) -> bool:
        return self.memory.recall(key) is not None


def test_kept_until_a_commit() -> None:
    shelf = Shelf()
    shelf.keep("a")
    assert shelf.has("a")
    assert not shelf.has("b")
    shelf.commit()
    assert not shelf.has("a")
    shelf.keep("a")
    assert shelf.has("a")


def test_not_kept_when_something_was_committed_meanwhile() -> None:
    """Also when others have asked, and thereby learned of the commit, before the answer was ready."""
    shelf = Shelf()
    shelf.keep("a", meanwhile=shelf.commit)
    assert not shelf.has("a")
    shelf.keep("b")

    def others() -> None:
        shelf.commit()
        assert not shelf.has("b")

    shelf.keep("c", meanwhile=others)
    assert not shelf.has("c")


def test_nothing_while_nobody_knows() -> None:
    """Neither kept nor recalled, and nothing from before is recalled afterwards under the same number."""
    shelf = Shelf()
    shelf.keep("a")
    shelf.lose_sight()
    assert not shelf.has("a")
    shelf.keep("b")
    shelf.versions.now = 1
    assert not shelf.has("a")
    assert not shelf.has("b")


def test_not_kept_when_spoilt_or_unwatched() -> None:
    shelf = Shelf()
    shelf.keep("a", meanwhile=shelf.memory.spoil)
    shelf.memory.keep("b", known())
    assert not shelf.has("a")
    assert not shelf.has("b")
    shelf.memory.spoil()  # nobody watches: it is about nothing
    shelf.keep("c")
    assert shelf.has("c")


def test_threads_do_not_spoil_each_other() -> None:
    shelf = Shelf()

    def elsewhere() -> None:
        thread = threading.Thread(target=lambda: shelf.keep("other", meanwhile=shelf.memory.spoil))
        thread.start()
        thread.join()

    shelf.keep("mine", meanwhile=elsewhere)
    assert shelf.has("mine")
    assert not shelf.has("other")


@pytest.mark.parametrize("change", ["replaced", "written", "removed", "made"])
def test_a_file_that_was_read_is_looked_at(tmp_path: Path, change: str) -> None:
    """The same number of bytes, too."""
    shelf, file = Shelf(), tmp_path / "HEAD"

    def read() -> None:
        if change == "made":
            with pytest.raises(FileNotFoundError):
                shelf.memory.text(file)
        else:
            assert shelf.memory.text(file) == "one"

    if change != "made":
        file.write_text("one")
    shelf.keep("a", meanwhile=read)
    assert shelf.has("a")
    match change:
        case "replaced":
            (tmp_path / "new").write_text("two")
            (tmp_path / "new").replace(file)
        case "removed":
            file.unlink()
        case _:
            file.write_text("two")
    assert not shelf.has("a")


def test_not_kept_when_a_file_changed_between_two_readings(tmp_path: Path) -> None:
    shelf, file = Shelf(), tmp_path / "HEAD"

    def read() -> None:
        for text in ("one", "three"):
            file.write_text(text)
            shelf.memory.text(file)

    shelf.keep("a", meanwhile=read)
    assert not shelf.has("a")


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In number and in bytes: the oldest goes; what is too large by itself is never kept."""
    shelf = Shelf()
    for number in range(MOST_ANSWERS + 2):
        shelf.keep(f"{number}")
    assert [shelf.has(name) for name in ("0", "1", "2", f"{MOST_ANSWERS + 1}")] == [False, False, True, True]
    monkeypatch.setattr("localforge.memory.MOST_BYTES", 10)
    small = Shelf()
    for name in ("a", "b", "b", "c"):
        small.keep(name, b"4444")
    assert [small.has(name) for name in "abc"] == [False, True, True]
    small.keep("d", b"x" * 11)
    assert not small.has("d")


# --- what counts as a commit ------------------------------------------------------------------------------------------


def run_elsewhere(database: Path, sql: str) -> None:
    """Another process commits."""
    script = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])"
    subprocess.run([sys.executable, "-c", script, str(database), sql], check=True)


@pytest.mark.parametrize("pragma", [False, True])
def test_every_commit_counts(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, pragma: bool
) -> None:
    """Ours, another process's, a database brought back; not a read, not what is rolled back."""
    store = world.forge.store
    path = world.forge.state / "forge.sqlite"
    if pragma:  # as where the WAL-index is of another version than the one that is known
        monkeypatch.setattr("localforge.store.commits._KNOWN", set())
    last = store.commits.version()
    assert isinstance(last, int if pragma else bytes)

    def moved() -> bool:
        nonlocal last
        before, last = last, store.commits.version()
        return before != last

    assert not moved()
    store.db.count("SELECT count(*) FROM account")
    with suppress(ZeroDivisionError), store.write() as tx:
        tx.execute("UPDATE account SET name = 'x'")
        raise ZeroDivisionError
    assert not moved()
    with store.write() as tx:
        tx.execute("UPDATE account SET name = 'x'")
        assert not moved()
    assert moved()
    run_elsewhere(path, "UPDATE account SET name = 'y'")
    assert moved()
    with store.quiet():
        store.copy_to(tmp_path / "copy")
    assert not moved()
    run_elsewhere(path, "UPDATE account SET name = 'z'")
    assert moved()
    with store.quiet():
        store.replace_from(tmp_path / "copy")
    assert moved()
    assert store.db.column(str, "SELECT name FROM account LIMIT 1") == ["y"]


def test_both_ways_of_counting_agree(world: World) -> None:
    """Through commits of two processes, checkpoints that begin the log anew, and no commits at all."""
    store, path = world.forge.store, world.forge.state / "forge.sqlite"
    pragma = sqlite3.connect(path)
    other = sqlite3.connect(path, isolation_level=None)

    def ours(name: str) -> None:
        with store.write() as tx:
            tx.execute("UPDATE account SET name = ?", name)

    steps: tuple[Callable[[], object], ...] = (
        lambda: ours("a"),
        lambda: ours("a"),
        lambda: other.execute("UPDATE account SET name = 'b'"),
        lambda: store.db.count("SELECT count(*) FROM account"),
        lambda: run_elsewhere(path, "UPDATE account SET name = 'c'"),
        lambda: other.execute("PRAGMA wal_checkpoint(TRUNCATE)"),
        lambda: ours("d"),
        lambda: other.execute("SELECT * FROM account").fetchall(),
        lambda: other.execute("VACUUM"),
    )
    for step in steps * 3:
        before = store.commits.version(), pragma.execute("PRAGMA data_version").fetchone()
        step()
        after = store.commits.version(), pragma.execute("PRAGMA data_version").fetchone()
        assert before[0] != after[0] or before[1] == after[1], "a commit was missed"
    pragma.close()
    other.close()


# SQLite holds this byte of the WAL-index while a process has the database open (`UNIX_SHM_DMS`): who can lock it empties it.
ALONE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as index:
    try:
        fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)
    except OSError:
        sys.exit("held")
"""


def test_locks_outlive_a_second_store(world: World) -> None:
    """Of the same database in the same process: when it is closed, other processes still know of the first."""
    path = world.forge.state / "forge.sqlite"
    world.forge.store.db.count("SELECT count(*) FROM account")
    line = [sys.executable, "-c", ALONE, f"{path}-shm"]
    assert subprocess.run(line, capture_output=True, text=True, check=False).stderr == "held\n"
    Store(path, lambda: "2026-01-01T00:00:00Z").close()
    assert subprocess.run(line, capture_output=True, text=True, check=False).stderr == "held\n"
    before = world.forge.store.commits.version()
    run_elsewhere(path, "UPDATE account SET name = 'x'")
    assert world.forge.store.commits.version() != before


def test_a_closed_database_has_no_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "forge.sqlite", lambda: "2026-01-01T00:00:00Z")
    store.close()
    assert store.commits.version() is None


def test_the_count_cannot_write(world: World) -> None:
    """A connection does not see its own commits in it."""
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        world.forge.store.commits._connection.execute("DELETE FROM account")


# --- the forge --------------------------------------------------------------------------------------------------------


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered anew."""
    asked: list[str] = []

    def noting(forge: Forge, request: Request, found: Found | None) -> Answer:
        asked.append(request.path)
        return dispatch(forge, request, found)

    monkeypatch.setattr("localforge.app.dispatch", noting)
    return asked


@pytest.fixture
def issue(world: World) -> World:
    """With an issue of olga's."""
    assert world.as_("olga").post(ISSUES, json={"title": "One"}).status_code == 201
    return world


def settled(client: httpx.Client, path: str, long_way: list[str], **headers: str) -> httpx.Response:
    """The answer, which is remembered from now on."""
    client.get(path, headers=headers)
    del long_way[:]
    answer = client.get(path, headers=headers)
    assert (answer.status_code, long_way) == (200, []), answer.text
    return answer


def sql(statement: str) -> Callable[[World], object]:
    """A row that changes without the forge's help."""
    return lambda world: run_elsewhere(world.forge.state / "forge.sqlite", statement)


def by(method: str, path: str, **body: object) -> Callable[[World], object]:
    """A request of olga's, which succeeds."""
    return lambda world: world.as_("olga").request(method, path, json=body or None).raise_for_status()


def restored(world: World) -> None:
    snapshots.take(world.forge, "kept")
    by("PATCH", ISSUE, title="Two")(world)
    assert world.as_("wim").get(ISSUE).json()["title"] == "Two"
    assert world.as_("wim").get(ISSUE).json()["title"] == "Two"
    snapshots.restore(world.forge, "kept")


Seen = Callable[[httpx.Response], object]
TITLE: Seen = lambda answer: answer.json()["title"]  # noqa: E731 (a table's column)
STATUS: Seen = lambda answer: answer.status_code  # noqa: E731
BRANCH: Seen = lambda answer: answer.json()["default_branch"]  # noqa: E731

# Who reads what; what happens; what the reader then sees, and how.
WRITES: Mapping[str, tuple[str, str, Callable[[World], object], Seen, object]] = {
    "an issue is renamed": ("wim", ISSUE, by("PATCH", ISSUE, title="Two"), TITLE, "Two"),
    "in another process": ("wim", ISSUE, sql("UPDATE issue SET title = 'Two'"), TITLE, "Two"),
    "an issue is opened": (
        "wim",
        ISSUES,
        by("POST", ISSUES, title="Two"),
        lambda answer: len(answer.json()),
        2,
    ),
    "a comment": (
        "wim",
        ISSUE,
        by("POST", f"{ISSUE}/comments", body="Hm"),
        lambda a: a.json()["comments"],
        1,
    ),
    "a reaction": (
        "wim",
        ISSUE,
        by("POST", f"{ISSUE}/reactions", content="heart"),
        lambda answer: answer.json()["reactions"]["heart"],
        1,
    ),
    "a label": (
        "wim",
        ISSUE,
        by("POST", f"{ISSUE}/labels", labels=["bug"]),
        lambda answer: [label["name"] for label in answer.json()["labels"]],
        ["bug"],
    ),
    "an issue is closed": ("wim", ISSUES, by("PATCH", ISSUE, state="closed"), lambda a: a.json(), []),
    "a description": (
        "wim",
        REPO,
        by("PATCH", REPO, description="New"),
        lambda a: a.json()["description"],
        "New",
    ),
    "another default branch": (
        "wim",
        REPO,
        by("PATCH", REPO, default_branch="feature/side"),
        BRANCH,
        "feature/side",
    ),
    "the default branch is renamed": (
        "wim",
        REPO,
        by("POST", f"{REPO}/branches/main/rename", new_name="trunk"),
        BRANCH,
        "trunk",
    ),
    "HEAD moves behind our back": (
        "wim",
        REPO,
        lambda world: git("symbolic-ref", "HEAD", "refs/heads/x", cwd=world.forge.git_path(world.widget.id)),
        BRANCH,
        "x",
    ),
    "the repository is renamed": ("wim", REPO, by("PATCH", REPO, name="gadget"), STATUS, 301),
    "the repository is deleted": ("otto", REPO, by("DELETE", REPO), STATUS, 404),
    "the repository is hidden": ("otto", REPO, by("PATCH", REPO, private=True), STATUS, 404),
    "from nobody, too": ("", REPO, by("PATCH", REPO, private=True), STATUS, 404),
    "somebody is no collaborator any more": (
        "wim",
        REPO,
        by("DELETE", f"{REPO}/collaborators/wim"),
        lambda answer: answer.json()["permissions"]["push"],
        False,
    ),
    "somebody leaves the organization": (
        "mia",
        SECRET,
        sql("DELETE FROM membership WHERE user_id = (SELECT id FROM account WHERE login = 'mia')"),
        STATUS,
        404,
    ),
    "a token is revoked": (
        "wim",
        REPO,
        sql("DELETE FROM token WHERE user_id = (SELECT id FROM account WHERE login = 'wim')"),
        STATUS,
        401,
    ),
    "a token's scopes shrink": (
        "mia",
        SECRET,
        sql("UPDATE token SET scopes = '[]'"),
        STATUS,
        404,
    ),
    "a snapshot comes back": ("wim", ISSUE, restored, TITLE, "One"),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_write_is_seen_at_once(issue: World, long_way: list[str], what: str) -> None:
    """By somebody else's client, whatever it has been told before; and not before it happens."""
    who, path, write, seen, expected = WRITES[what]
    reader = issue.as_(who) if who else issue.client()
    before = settled(reader, path, long_way)
    if what != "a snapshot comes back":
        assert seen(before) != expected
    write(issue)
    assert seen(reader.get(path)) == expected
    assert seen(reader.get(path)) == expected


@pytest.mark.parametrize("path", [REPO, ISSUES, ISSUE, f"{ISSUES}?state=all&per_page=1", f"/api/v3{ISSUE}"])
def test_what_is_remembered_is_what_would_be_made(issue: World, long_way: list[str], path: str) -> None:
    """Every byte and header but those that count and name the request."""
    reader = issue.as_("wim")
    first = reader.get(path)
    second = settled(reader, path, long_way)
    changing = {"x-github-request-id", "x-ratelimit-remaining", "x-ratelimit-used", "x-ratelimit-reset"}
    assert first.content == second.content
    assert {name for name in first.headers if first.headers[name] != second.headers[name]} <= changing
    assert set(first.headers) == set(second.headers)
    assert first.headers["x-github-request-id"] != second.headers["x-github-request-id"]


def test_every_operation_that_says_so_is_remembered(issue: World, long_way: list[str]) -> None:
    """Its answer touches nothing that nobody watches, for whoever may read it."""
    rows = [operation for operation in issue.app.operations if operation.memorable]
    assert len(rows) > 2
    for operation in rows:
        assert operation.method == "GET"
        assert not operation.page
        path = operation.path.format(owner="acme", repo="widget", issue_number=1)
        for reader in (issue.as_("olga"), issue.as_("otto"), issue.client()):
            settled(reader, path, long_way)


def test_each_asker_has_an_answer_of_their_own(issue: World, long_way: list[str]) -> None:
    """By credential, media type, version, host and prefix."""
    olga = issue.as_("olga")
    settled(olga, ISSUE, long_way)
    html = settled(olga, ISSUE, long_way, accept="application/vnd.github.html+json")
    assert "body_html" in html.json()
    assert "body_html" not in olga.get(ISSUE).json()
    newer = settled(olga, REPO, long_way, **{"x-github-api-version": "2026-03-10"})
    assert newer.headers["x-github-api-version-selected"] == "2026-03-10"
    assert settled(olga, REPO, long_way).headers["x-github-api-version-selected"] == "2022-11-28"
    moved = httpx.Client(transport=olga._transport, base_url="http://other.test", headers=olga.headers)
    assert settled(moved, ISSUE, long_way).json()["url"].startswith("http://other.test/repos/")
    assert settled(olga, f"/api/v3{ISSUE}", long_way).json()["url"].startswith("http://forge.test/api/v3/")
    assert settled(olga, REPO, long_way).json()["permissions"]["admin"]
    assert not settled(issue.as_("otto"), REPO, long_way).json()["permissions"]["admin"]
    assert "permissions" not in settled(issue.client(), REPO, long_way).json()
    assert issue.client(issue.tokens["wim"][:-1] + "x").get(ISSUE).status_code == 401
    settled(olga, SECRET, long_way)
    assert issue.as_("otto").get(SECRET).status_code == 404
    assert issue.client().get(SECRET).status_code == 404


def test_what_git_was_asked_for_is_not_remembered(world: World, long_way: list[str]) -> None:
    """Whether a stranger has a commit in the repository: a push, which need not touch this row, changes the answer."""
    world.as_("otto").post(ISSUES, json={"title": "One"}).raise_for_status()
    olga = world.as_("olga")
    assert [olga.get(ISSUE).json()["author_association"] for _ in range(2)] == ["NONE", "NONE"]
    assert long_way[-2:] == [ISSUE, ISSUE]
    seed.add_collaborator(world.forge, world.widget, world.people["otto"], role=Role.READ)
    assert settled(olga, ISSUE, long_way).json()["author_association"] == "COLLABORATOR"


def test_other_methods_are_not_remembered(issue: World, long_way: list[str]) -> None:
    """Nor do they find what a GET has left; nor does a GET that brings a body."""
    olga = issue.as_("olga")
    settled(olga, ISSUE, long_way)
    assert olga.head(ISSUE).content == b""
    assert olga.request("GET", ISSUE, content=b"{}").status_code == 200
    assert olga.post(ISSUE).status_code == 404
    assert long_way == [ISSUE] * 3


def test_limits_are_spent(tmp_path: Path, clone: Path, long_way: list[str]) -> None:
    """Each answer is one request less; beyond the limit it is refused; a 304 costs nothing, also where it is remembered."""
    world = build(tmp_path / "state", clone, Settings(limits=Limits(core=4, anonymous=1)))
    olga = world.as_("olga")
    first = olga.get(REPO)
    known_already = {"if-none-match": first.headers["etag"]}
    left = [first, olga.get(REPO), olga.get(REPO, headers=known_already), olga.get(REPO), olga.get(REPO)]
    assert long_way == [REPO]
    assert [answer.headers["x-ratelimit-remaining"] for answer in left] == ["3", "2", "2", "1", "0"]
    assert [answer.headers["x-ratelimit-used"] for answer in left] == ["1", "2", "2", "3", "4"]
    assert [answer.status_code for answer in left] == [200, 200, 304, 200, 200]
    for headers in ({}, known_already):
        refused = olga.get(REPO, headers=headers)
        assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert world.as_("mia").get(REPO).status_code == 200
    assert [world.client().get(REPO).status_code for _ in range(2)] == [200, 403]
    world.forge.close()


def test_limits_of_the_nameless_are_their_address_s(world: World, long_way: list[str]) -> None:
    """One answer, and each address pays for itself."""
    settled(world.client(), REPO, long_way)
    used = [
        world.forge.limiter.quota(f"address:{address}", "core", anonymous=True).used
        for address in ("127.0.0.1", "192.0.2.1")
    ]
    assert used == [2, 0]


@pytest.mark.parametrize("tag", ["{}", 'W/"x", {}', "strong"])
def test_revalidation(issue: World, long_way: list[str], tag: str) -> None:
    """304 without a body for who has the answer; the whole for who has another; and after a change."""
    olga = issue.as_("olga")
    etag = settled(olga, ISSUE, long_way).headers["etag"]
    sent = etag.removeprefix("W/") if tag == "strong" else tag.format(etag)
    again = olga.get(ISSUE, headers={"if-none-match": sent})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert olga.get(ISSUE, headers={"if-none-match": 'W/"x"'}).status_code == 200
    assert long_way == []
    by("PATCH", ISSUE, title="Two")(issue)
    changed = olga.get(ISSUE, headers={"if-none-match": sent})
    assert (changed.status_code, changed.json()["title"]) == (200, "Two")
    assert changed.headers["etag"] != etag


def test_a_token_ends_with_its_time(
    issue: World, long_way: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fine-grained one and an App's: nothing is committed when they expire."""
    limited = seed.create_fine_grained_token(
        issue.forge, issue.people["olga"], {"issues": "read"}, expires_at="2099-01-01T00:00:00Z"
    )
    readers = (issue.client(limited), robot(issue).client())
    for reader in readers:
        settled(reader, ISSUE, long_way)
    monkeypatch.setattr(issue.forge, "clock", lambda: "2099-01-01T00:00:00Z")
    assert [reader.get(ISSUE).status_code for reader in readers] == [401, 401]


def test_an_installation_is_suspended(issue: World, long_way: list[str]) -> None:
    helper = robot(issue)
    reader = helper.client()
    settled(reader, ISSUE, long_way)
    helper.itself().put(f"{helper.where}/suspended").raise_for_status()
    assert reader.get(ISSUE).status_code == 403
    helper.itself().delete(f"{helper.where}/suspended").raise_for_status()
    settled(reader, ISSUE, long_way)


def test_faults_strike_what_is_remembered(issue: World, long_way: list[str]) -> None:
    """A rule is asked about every request; an answer that is late on purpose is not kept for those that are not."""
    olga = issue.as_("olga")
    settled(olga, ISSUE, long_way)
    issue.forge.faults.add(Rule(kind="status", operation="issues/get"))
    assert [olga.get(ISSUE).status_code for _ in range(2)] == [502, 200]
    issue.forge.faults.clear()
    issue.forge.faults.add(Rule(kind="stale", operation="issues/get"))
    by("PATCH", ISSUE, title="Two")(issue)
    assert [olga.get(ISSUE).json()["title"] for _ in range(3)] == ["One", "Two", "Two"]
    issue.forge.faults.clear()
    assert olga.get(ISSUE).json()["title"] == "Two"


@pytest.mark.slow
def test_no_read_is_older_than_the_last_answered_write(issue: World) -> None:
    """Readers beside a writer: each sees at least what the writer had been told was done when the reader asked."""
    done, told, late = threading.Event(), [0], []

    def read(login: str) -> None:
        with issue.as_(login) as reader:
            while not done.is_set():
                least = told[0]
                title = reader.get(ISSUE).json()["title"]
                if title != "One" and int(title) < least:
                    late.append((title, least))

    readers = [threading.Thread(target=read, args=(login,)) for login in ("olga", "olga", "wim")]
    for reader in readers:
        reader.start()
    try:
        with issue.as_("olga") as writer:
            for number in range(1, 60):
                writer.patch(ISSUE, json={"title": str(number)}).raise_for_status()
                told[0] = number
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert late == []
    assert issue.as_("wim").get(ISSUE).json()["title"] == "59"


def test_served(issue: World, serve: Callable[..., str]) -> None:
    """Over sockets, beside another process that writes to the same database; `gh` style conditional requests included."""
    database = issue.forge.state / "forge.sqlite"
    issue.forge.close()
    url = serve(issue.forge.state)
    headers = {"authorization": f"token {issue.tokens['wim']}"}
    with httpx.Client(base_url=url, headers=headers) as reader:
        first = reader.get(ISSUE)
        assert reader.get(ISSUE).content == first.content
        assert reader.get(ISSUE, headers={"if-none-match": first.headers["etag"]}).status_code == 304
        for number in range(20):
            run = sqlite3.connect(database)
            with run:
                run.execute("UPDATE issue SET title = ?", (f"Title {number}",))
            run.close()
            assert [reader.get(ISSUE).json()["title"] for _ in range(2)] == [f"Title {number}"] * 2
