"""The pages: what each tells, that nothing a stranger wrote becomes markup, and who sees what."""

import base64
from collections.abc import Iterator

import httpx
import pytest
from tests.forge.robots import reporter
from tests.forge.tags import Tags
from tests.forge.world import World, copied

from localforge.json_types import Json
from localforge.mounted import MountedForge
from localforge.store import checks
from localforge.store.checks import ACTIONS_APP, SuiteOf

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EVIL = '<script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover="alert(3)'
AT = "2026-01-02T03:04:05Z"


def browser(world: World, login: str | None = None) -> httpx.Client:
    """A client that asks as a browser does; whoever is named shows their token."""
    credential = {"authorization": f"token {world.tokens[login]}"} if login else {}
    transport = MountedForge(world.app)
    return httpx.Client(transport=transport, base_url="http://forge.test", headers=BROWSER | credential)


def seen(client: httpx.Client, path: str) -> Tags:
    """A page, which must be there and hold nothing that runs."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    found = Tags(answer.text)
    assert not found.tags & {"script", "img", "iframe", "form", "style", "object", "svg", "base"}, path
    assert not {name for name in found.attributes if name.startswith("on") or name == "style"}, path
    assert not [to for to in found.addresses if to.lower().lstrip().startswith(("javascript:", "data:"))]
    return found


def put(client: httpx.Client, path: str, content: str, branch: str) -> None:
    """One commit with one file."""
    body = {
        "message": f"Add {path}",
        "content": base64.b64encode(content.encode()).decode(),
        "branch": branch,
    }
    assert client.put(f"/repos/acme/widget/contents/{path}", json=body).status_code == 201


@pytest.fixture(scope="module")
def busy(template: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A forge that the tests only read: an issue, a pull request, reviews, checks and a run in `acme/widget`."""
    world = copied(template, tmp_path_factory.mktemp("busy") / "state")
    _fill(world)
    yield world
    world.forge.close()


def _fill(world: World) -> None:
    """Issue 1 and pull request 2, all with hostile texts."""
    olga, wim = world.as_("olga"), world.as_("wim")
    repo = "/repos/acme/widget"
    olga.post(
        f"{repo}/issues", json={"title": EVIL, "body": f"**Bold** {EVIL}", "labels": ["bug", EVIL[:40]]}
    )
    olga.post(f"{repo}/issues/1/comments", json={"body": f"[x](javascript:alert(1)) {EVIL}"})
    main = olga.get(f"{repo}/git/ref/heads/main").json()["object"]["sha"]
    olga.post(f"{repo}/git/refs", json={"ref": "refs/heads/fix/it", "sha": main})
    put(olga, "src/new.py", f"first = 1\n# {EVIL}\n", "fix/it")
    put(olga, "uv.lock", "a lock\n", "fix/it")
    rules = {
        "required_status_checks": {"strict": False, "contexts": ["build"]},
        "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 2},
        "restrictions": None,
    }
    olga.put(f"{repo}/branches/main/protection", json=rules)
    pull = olga.post(
        f"{repo}/pulls", json={"title": EVIL, "head": "fix/it", "base": "main", "body": EVIL}
    ).json()
    head = pull["head"]["sha"]
    remark = {"path": "src/new.py", "line": 1, "body": f"A remark. {EVIL}"}
    review = {"event": "REQUEST_CHANGES", "body": f"Not so. {EVIL}", "comments": [remark]}
    wim.post(f"{repo}/pulls/2/reviews", json=review)
    reported = {"name": "scan", "head_sha": head, "status": "completed", "conclusion": "success"}
    reporter(world).post(
        f"{repo}/check-runs", json=reported | {"output": {"title": "Scanned", "summary": EVIL}}
    )
    _run(world, head)


def _run(world: World, head: str) -> None:
    """Two statuses, and a failed run of pull request 2 with one job, as the runner would have left it."""
    repo_id, olga = world.widget.id, world.people["olga"].id
    times: dict[str, Json] = {"created_at": AT, "updated_at": AT}
    with world.forge.store.write() as tx:
        status: dict[str, Json] = {
            "repo_id": repo_id,
            "sha": head,
            "creator_id": olga,
            "created_at": AT,
            "description": EVIL,
        }
        tx.insert(
            "commit_status", **status, context="lint", state="failure", target_url="javascript:alert(1)"
        )
        tx.insert("commit_status", **status, context="docs", state="success", target_url="https://ci.test/1")
        suite = checks.create_suite(tx, SuiteOf(repo_id=repo_id, app=ACTIONS_APP, head_sha=head), AT)
        done = checks.create_run(
            tx, suite, actor_id=olga, at=AT, name="test", status="completed", conclusion="failure"
        )
        flow = tx.insert("workflow", repo_id=repo_id, path=".github/workflows/ci.yml", name="CI", **times)
        shared: dict[str, Json] = {"repo_id": repo_id, "status": "completed", "conclusion": "failure"}
        run = tx.insert(
            "workflow_run",
            **shared,
            workflow_id=flow,
            suite_id=suite.id,
            run_number=7,
            name="CI",
            title=EVIL,
            source="",
            event="pull_request",
            payload={},
            ref="refs/pull/2/merge",
            sha=head,
            head_sha=head,
            head_branch="fix/it",
            pull_number=2,
            actor_id=olga,
            triggering_actor_id=olga,
            started_at=AT,
            **times,
        )
        tx.insert(
            "workflow_job",
            **shared,
            id=done.id,
            run_id=run,
            attempt=1,
            key="test",
            leg={},
            name="test",
            created_at=AT,
        )
        step: dict[str, Json] = {"job_id": done.id, "status": "completed"}
        tx.insert("workflow_step", **step, number=1, name="Set up job", conclusion="success")
        tx.insert("workflow_step", **step, number=2, name=f"Run {EVIL}", conclusion="failure")
        line = f"2026-01-02T03:04:05.1234567Z \x1b[31mred\x1b[0m {EVIL}\n"
        tx.insert("job_log", job_id=done.id, step=2, text=line)


def run_id(world: World) -> int:
    """The run's id."""
    return world.forge.store.db.count("SELECT max(id) FROM workflow_run")


PAGES = (
    ("/", ("acme organization", "widget", "main")),
    ("/acme", ("Acme organization", "widget")),
    (
        "/acme/widget",
        ("git clone http://forge.test/acme/widget.git", "Second", "feature/side", "Widget", "fix/it → main"),
    ),
    ("/acme/widget/tree/main", ("src/", "README.md", "run.sh", "100755")),
    ("/acme/widget/tree/feature/side/src", ("widget.py", "At feature/side")),
    ("/acme/widget/blob/main/src/widget.py", ("return 2", "25 bytes")),
    ("/acme/widget/blob/v1/src/widget.py", ("return 1",)),
    ("/acme/widget/commits/main", ("Second", "First", "Olga")),
    ("/acme/widget/commit/main", ("With a body.", "-    return 1", "+    return 2", "1 file")),
    ("/acme/widget/compare/v1...main", ("v1...main", "Second", "-    return 1", "+    return 2", "1 file")),
    ("/acme/widget/issues", ("1 open · 0 closed", "bug")),
    ("/acme/widget/issues?state=closed", ("None is closed.",)),
    ("/acme/widget/pulls", ("1 open", "fix/it → main")),
    ("/acme/widget/issues/1", ("● open", "olga labeled “bug”", "Bold")),
    (
        "/acme/widget/pull/2",
        (
            "! blocked",
            "At least 2 approving reviews are required",
            "Changes have been requested",
            "wim reviewed",
            "✗ changes requested",
            "A remark.",
            "src/new.py:1",
            "2 commits, 2 files",
            "✓ success",
            "lint",
            "+first = 1",
            "(lock or generated file)",
        ),
    ),
    ("/acme/widget/actions", ("#7", "✗ failure", "pull_request")),
    ("/acme/widget/actions/runs/{run}", ("#7", "Set up job", "03:04:05  red <script>", "1 of 1")),
)


@pytest.mark.parametrize(("path", "facts"), PAGES)
def test_a_page_tells_its_facts_and_runs_nothing(busy: World, path: str, facts: tuple[str, ...]) -> None:
    """Anonymous visitors read every page of a public repository; hostile texts are text."""
    found = seen(browser(busy), path.format(run=run_id(busy)))
    said = " ".join(found.text.split())
    for fact in facts:
        assert " ".join(fact.split()) in said, (path, fact, said)


def test_every_link_of_the_forge_leads_somewhere(busy: World) -> None:
    """Following what the pages link to, nothing is missing and nothing fails."""
    me, todo, done = browser(busy), ["/"], set[str]()
    while todo:
        path = todo.pop()
        if path in done or not path.startswith("/"):
            continue
        done.add(path)
        answer = me.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            todo += [to.partition("#")[0] for to in Tags(answer.text).addresses]
    assert len(done) > 40
    assert any("/job/" in path or "/logs" in path for path in done)


def test_addresses_in_answers_are_pages(busy: World) -> None:
    """What the API gives as `html_url` opens."""
    api, me = busy.as_("olga"), browser(busy)
    repo = "/repos/acme/widget"
    for path in ("", "/issues/1", "/pulls/2", "/commits/main", f"/actions/runs/{run_id(busy)}"):
        assert me.get(api.get(repo + path).json()["html_url"]).status_code == 200, path
    reported = api.get(f"{repo}/commits/fix%2Fit/check-runs?check_name=scan").json()["check_runs"]
    reported += [api.get(f"{repo}/actions/runs/{run_id(busy)}/jobs").json()["jobs"][0]]
    for run in reported:
        assert me.get(run["html_url"]).status_code == 200, run["name"]
        assert run["name"] in me.get(run["html_url"]).text


def test_diffs_and_patches_as_text(busy: World) -> None:
    """What the API gives as `diff_url` and `patch_url`, and the same of commits; as the API itself answers."""
    api, me = busy.as_("olga"), browser(busy)
    repo = "/repos/acme/widget"
    for path in ("/pulls/2", "/compare/v1...main"):
        told = api.get(repo + path).json()
        for form in ("diff", "patch"):
            plain = me.get(told[f"{form}_url"])
            assert plain.headers["content-type"] == "text/plain; charset=utf-8"
            assert (
                plain.text == api.get(repo + path, headers={"accept": f"application/vnd.github.{form}"}).text
            )
            assert "diff --git" in plain.text
    page = f"http://forge.test/acme/widget/commit/{api.get(f'{repo}/commits/main').json()['sha']}"
    assert me.get(f"{page}.diff").text.startswith("diff --git a/src/widget.py")
    assert me.get(f"{page}.patch").text.startswith("From ")


def test_a_run_of_an_invalid_file_says_what_is_wrong_and_where(world: World) -> None:
    put(world.as_("olga"), ".github/workflows/ci.yml", "on: push\njobs: {a: {runs-on: x, nope: 1}}\n", "main")
    world.forge.bus.drain()
    run = world.as_("olga").get("/repos/acme/widget/actions/runs").json()["workflow_runs"][0]
    told = seen(browser(world), f"/acme/widget/actions/runs/{run['id']}").text
    assert "Invalid workflow file" in told
    assert ".github/workflows/ci.yml (Line: 2, Col: 24): Unexpected value 'nope'" in told


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/acme/widget/issues/2", "/acme/widget/pull/2"),
        ("/acme/widget/pull/1", "/acme/widget/issues/1"),
        ("/acme/widget/pull/2/commits", "/acme/widget/pull/2#commits"),
        ("/acme/widget/pull/2/checks", "/acme/widget/pull/2#checks"),
        ("/acme/widget/pull/2/files", "/acme/widget/pull/2#files"),
        ("/acme/widget/tree/main/README.md", "/acme/widget/blob/main/README.md"),
        ("/acme/widget/blob/main/src", "/acme/widget/tree/main/src"),
    ],
)
def test_the_other_kind_of_page_leads_to_the_right_one(busy: World, path: str, location: str) -> None:
    answer = browser(busy).get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, f"http://forge.test{location}")


@pytest.mark.parametrize(
    "path",
    [
        "/nobody",
        "/nobody/nothing",
        "/acme/nothing",
        "/acme/widget/tree/nowhere",
        "/acme/widget/tree/main/nowhere",
        "/acme/widget/tree/main/..",
        "/acme/widget/blob/main/nowhere",
        "/acme/widget/commits/nowhere",
        "/acme/widget/commit/0000000",
        "/acme/widget/commit/nowhere.diff",
        "/acme/widget/compare/main",
        "/acme/widget/compare/main...nowhere.patch",
        "/acme/widget/pull/2/nowhere",
        "/acme/widget/pull/1.diff",
        "/acme/widget/pull/99999999999999999999.diff",
        "/acme/widget/pull/x.patch",
        "/acme/widget/issues/99",
        "/acme/widget/issues/x",
        "/acme/widget/pull/99",
        "/acme/widget/actions/runs/99",
        "/acme/widget/actions/runs/x",
        "/acme/widget/runs/99",
        "/acme/widget/what/ever/else",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(busy: World, path: str) -> None:
    answer = browser(busy).get(path)
    assert answer.status_code == 404
    assert "<h1>404 Not Found</h1>" in answer.text


@pytest.mark.parametrize(
    "rest", ["", "/tree/main", "/commits/main", "/issues", "/pulls", "/actions", "/issues/1"]
)
@pytest.mark.parametrize("login", [None, "otto"])
def test_a_private_repository_is_not_there(busy: World, login: str | None, rest: str) -> None:
    """For nobody in particular and for a stranger it is as if it did not exist; its name is on no page."""
    me = browser(busy, login)
    hidden, absent = me.get(f"/acme/secret{rest}"), me.get(f"/acme/absent{rest}")
    assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text) == (404, absent.text)
    assert "secret" not in me.get("/").text + me.get("/acme").text


def test_a_member_sees_a_private_repository(busy: World) -> None:
    """Who shows a credential sees what it permits; an empty repository says how to fill it."""
    me = browser(busy, "olga")
    assert "secret" in seen(me, "/acme").text
    assert "This repository is empty." in seen(me, "/acme/secret").text


def test_pages_leave_the_api_alone(world: World) -> None:
    """No page answers below a REST root or `/api/v3`, and clients of the API still read JSON."""
    world.as_("olga").post("/repos/acme/widget/issues", json={"title": "One"})
    me = browser(world)
    plain = httpx.Client(transport=MountedForge(world.app), base_url="http://forge.test")
    assert me.get("/repos/acme/widget/issues").json()[0]["title"] == "One"
    assert me.get("/orgs/acme").json()["login"] == "acme"
    for path in ("/api/v3/acme", "/api/v3/acme/widget", "/api/v3/nothing", "/orgs/acme/nothing", "/nothing"):
        answer = plain.get(path)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found"), path
    assert me.get("/api/v3/").json()["current_user_url"]
    assert plain.get("/").json()["current_user_url"]
    assert "x-ratelimit-used" in plain.get("/").headers
    assert "x-ratelimit-used" not in me.get("/").headers
    assert plain.get("/orgs/issues/issues").json()["message"] == "Not Found"


def test_an_old_name_leads_to_the_new_page(world: World) -> None:
    world.as_("olga").patch("/repos/acme/widget", json={"name": "gadget"})
    answer = browser(world).get("/acme/widget/issues?state=closed")
    assert (answer.status_code, answer.headers["location"]) == (
        301,
        "http://forge.test/acme/gadget/issues?state=closed",
    )
