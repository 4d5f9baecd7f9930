"""An App's tokens against the embedded forge: asked for with its key, limited to what their role takes, renewed in time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.contract.github.embedded import URL
from tests.contract.github.memory import MemoryCache, MemoryTimes
from tests.contract.github.setting import Going, TestClock, authorized
from tests.forge.robots import Robot, robot
from tests.forge.world import build

from localforge.apps.registering import suspend, uninstall
from localforge.moment import FORMAT
from localforge.mounted import MountedForge
from penstock.adapters.github import needs
from penstock.adapters.github.access import check_access, lacking
from penstock.adapters.github.account import Account
from penstock.adapters.github.app import App, AppCredential, AppKey, within
from penstock.adapters.github.content import Author
from penstock.adapters.github.credential import single_credential
from penstock.adapters.github.limits import UNPACED
from penstock.adapters.github.needs import EVERY, READS, WRITES, permissions_of
from penstock.adapters.github.reader import GitHubReader
from penstock.adapters.github.reading import ReadClient
from penstock.adapters.github.writer import GitHubWriter
from penstock.adapters.github.writing import WriteClient
from penstock.core.refs import NodeId, RepoRef
from penstock.core.write import Comment, NotWritten, Written
from penstock.ports import Permanent

ALL = permissions_of(*EVERY)
BOT = Author(name="penstock[bot]", email="penstock@example.test")


class Wire(httpx.BaseTransport):
    """The forge, and what was asked of it as which token."""

    def __init__(self, forge: httpx.BaseTransport) -> None:
        self._forge = forge
        self.asked: list[str] = []
        self.tokens: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        self.tokens.append(request.headers["authorization"].removeprefix("Bearer "))
        return self._forge.handle_request(request)

    def count(self, asked: str) -> int:
        return sum(entry.endswith(asked) for entry in self.asked)


class Setting:
    """An App with all the permissions there are, on all of `acme`; the forge's clock and the client's are one."""

    def __init__(self, state: Path, clone: Path) -> None:
        self.world = build(state, clone)
        self.clock = TestClock()
        self.clock.at = datetime.now(UTC)
        self.world.forge.clock = lambda: self.clock.at.strftime(FORMAT)
        self.robot = robot(self.world, permissions=ALL)
        self.wire = Wire(MountedForge(self.world.app))
        self.http = httpx.Client(transport=self.wire)
        facts = GitHubReader(self.reads("reading")).repository(
            RepoRef(forge="embedded", node_id=NodeId(""), owner="acme", name="widget")
        )
        assert facts is not None
        self.repo = RepoRef(forge="embedded", node_id=NodeId(facts.node_id), owner="acme", name="widget")

    def app(self, made: Robot | None = None, **changes: str) -> App:
        made = made or self.robot
        key = AppKey(app=str(made.app.id), private_key=made.key, source="PENSTOCK_APP_KEY")
        owner = changes.pop("owner", "acme")
        return App(self.http, URL, replace(key, **changes), owner, self.clock)

    def credential(self, role: str, app: App | None = None) -> AppCredential:
        make = AppCredential.reading if role == "reading" else AppCredential.writing
        return make(app or self.app())

    def reads(self, role: str, app: App | None = None) -> ReadClient:
        return ReadClient(self.http, Account(URL, self.credential(role, app), self.clock), MemoryCache())

    def writer(self, role: str) -> GitHubWriter:
        reads = self.reads(role)
        writes = WriteClient(self.http, reads.account, UNPACED, MemoryTimes())
        return GitHubWriter(reads, writes, author=BOT, blob=lambda _repo, _sha: b"")


@pytest.fixture
def setting(tmp_path: Path, clone: Path) -> Iterator[Setting]:
    made = Setting(tmp_path / "forge", clone)
    yield made
    made.http.close()
    made.world.forge.close()


def test_reading_and_writing_are_two_identities(setting: Setting) -> None:
    """What reads cannot write, whatever it sends; both are the App's bot; records need not say `single_credential`."""
    olga = setting.world.as_("olga")
    olga.post("/repos/acme/widget/issues", json={"title": "x"})
    note = authorized(Comment(repo=setting.repo, number=1, body="b", marker="m"))
    refused = setting.writer("reading").apply(note, Going())
    assert isinstance(refused, NotWritten)
    for words in (
        "PENSTOCK_APP_KEY (App 1, reading)",
        "needs the permission Issues (read and write)",
        "Resource not accessible by integration",
    ):
        assert words in refused.detail
    assert isinstance(setting.writer("writing").apply(note, Going()), Written)
    (comment,) = olga.get("/repos/acme/widget/issues/1/comments").json()
    assert comment["user"]["login"] == "helper-robot[bot]"
    assert GitHubReader(setting.reads("writing")).viewer() == "helper-robot[bot]"
    assert not single_credential(setting.credential("reading"), setting.credential("writing"))
    assert single_credential(setting.credential("reading"), setting.credential("reading"))


def test_a_token_is_kept_and_renewed_before_it_ends(setting: Setting) -> None:
    """One for an hour of requests; the next before the forge would refuse it."""
    reads = setting.reads("reading")
    setting.wire.asked.clear()
    reader = GitHubReader(reads)
    for minutes in (0, 30, 24):
        setting.clock.at += timedelta(minutes=minutes)
        reader.branch_head(setting.repo, "main")
    assert setting.wire.count("/access_tokens") == 1
    setting.clock.at += timedelta(minutes=2)
    assert reader.branch_head(setting.repo, "main")
    assert setting.wire.count("/access_tokens") == 2
    assert setting.wire.count("/installation") == 1


def test_a_revoked_token_is_replaced_once(setting: Setting) -> None:
    """Nothing was done with it, so the same request goes out again; where the App is gone, that is said."""
    reads = setting.reads("reading")
    reader = GitHubReader(reads)
    with setting.world.forge.store.write() as tx:
        tx.execute("DELETE FROM token WHERE installation_id IS NOT NULL")
    assert reader.branch_head(setting.repo, "main")
    uninstall(setting.world.forge, setting.robot.installation, setting.world.people["olga"])
    with pytest.raises(Permanent) as gone:
        reader.branch_head(setting.repo, "main")
    assert gone.value.code == "not_installed"


def test_a_token_that_lasts_is_not_tried_again(setting: Setting) -> None:
    """Only an App can have another."""
    from penstock.adapters.github.credential import Credential

    account = Account(URL, Credential(token="ghp_" + "x" * 36, source="GITHUB_TOKEN"), setting.clock)
    setting.wire.asked.clear()
    with pytest.raises(Permanent) as refused:
        GitHubReader(ReadClient(setting.http, account, MemoryCache())).viewer()
    assert refused.value.code == "unauthorized"
    assert setting.wire.asked == ["GET /user"]


def test_the_forge_repeats_no_token(setting: Setting) -> None:
    """Nor does anything we show of it."""
    credential = setting.credential("writing")
    token = credential.token
    assert credential.hidden(f"a {token} b") == "a *** b"
    assert token not in repr(credential)
    assert setting.robot.key not in repr(setting.app().key)


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"private_key": "no key"}, "unauthorized", "PENSTOCK_APP_KEY holds no private key of an App"),
        ({"app": "77"}, "unauthorized", "there is no App 77: correct PENSTOCK_APP_ID"),
        ({"owner": "otto"}, "not_installed", "the App helper-robot is not installed on otto"),
        ({"owner": ""}, "not_installed", "discovery.organization is not set"),
    ],
)
def test_what_is_wrong_is_said(setting: Setting, changes: dict[str, str], code: str, said: str) -> None:
    """What a person has to do; nothing is written."""
    with pytest.raises(Permanent) as refused:
        GitHubReader(setting.reads("reading", setting.app(None, **changes))).branch_head(setting.repo, "main")
    assert refused.value.code == code
    assert said in str(refused.value)


def test_another_apps_key(setting: Setting) -> None:
    other = robot(setting.world, name="Other")
    app = setting.app(private_key=other.key)
    with pytest.raises(Permanent) as refused:
        GitHubReader(setting.reads("reading", app)).viewer()
    assert refused.value.code == "unauthorized"
    assert "the key in PENSTOCK_APP_KEY is none of the App 1" in str(refused.value)


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_wrong_clock(setting: Setting, minutes: int) -> None:
    """A minute is allowed for; more is said to be the clock, not the key."""
    there = setting.clock.at
    setting.world.forge.clock = lambda: there.strftime(FORMAT)
    setting.clock.at += timedelta(minutes=minutes)
    with pytest.raises(Permanent) as refused:
        GitHubReader(setting.reads("reading")).viewer()
    assert "clock" in str(refused.value)
    setting.clock.at = there + timedelta(seconds=50)
    assert GitHubReader(setting.reads("reading")).viewer() == "helper-robot[bot]"


def test_a_suspended_installation(setting: Setting) -> None:
    suspend(setting.world.forge, setting.robot.installation, setting.world.people["olga"], suspended=True)
    with pytest.raises(Permanent) as refused:
        GitHubReader(setting.reads("reading")).branch_head(setting.repo, "main")
    assert "suspended" in str(refused.value)


def test_missing_permissions_are_named(setting: Setting) -> None:
    """Before anything starts: each that the App lacks, for what, and where it was looked for."""
    few = {"contents": "write", "issues": "read", "pull_requests": "write", "actions": "write"}
    poor = robot(setting.world, name="Poor", permissions=few)
    app = setting.app(poor)
    said = lacking(setting.repo, reader=setting.reads("reading", app), writer=setting.reads("writing", app))
    where = "the token in PENSTOCK_APP_KEY (App 2, {})"
    assert set(said) == {
        f"Administration (read) is missing, to read which checks a branch demands ({where.format('reading')})",
        f"Issues (read and write) is missing, to comment on, label and close issues ({where.format('writing')})",
        f"{needs.WRITE_WORKFLOWS.words} is missing, to {needs.WRITE_WORKFLOWS.purpose} ({where.format('writing')})",
    }
    whole = check_access(setting.reads("writing"), setting.repo, judges=True, writes=True)
    assert (whole.missing, whole.unproven) == ((), ())


def test_what_roles_ask_for() -> None:
    """Reading asks for nothing that writes; each need is met by what writing asks for."""
    assert set(permissions_of(*READS).values()) == {"read"}
    for need in (*READS, *WRITES):
        name, _, level = need.permission.partition("=")
        assert ALL[name] in {level, "write"}
    assert within({"a": "write", "b": "read", "c": "read"}, {"a": "read", "b": "write"}) == {
        "a": "read",
        "b": "read",
    }
    assert needs.IDENTITY not in READS
