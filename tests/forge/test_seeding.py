"""Seeding: what is described is there, whole or not at all; mistakes with their places; export and back."""

import json
import time
from pathlib import Path

import httpx
import pytest
from tests.forge.openapi import JudgedForge
from tests.forge.proposing import merge, open_pull, propose
from tests.forge.world import World, git, make_clone

from localforge import seed
from localforge.__main__ import main
from localforge.app import App
from localforge.forge import Forge
from localforge.integrity.fsck import examine
from localforge.seeding.export import export
from localforge.seeding.planting import Planted, plant
from localforge.seeding.reading import DescriptionError, read
from localforge.store import teams

WHOLE = """
users:
  - {login: ann, name: Ann, email: ann@example.test}
  - {login: bob}
organizations:
  - {login: acme, name: Acme, members: {ann: admin, bob: member}, default_role: write,
     teams: [{name: Core Team, members: [bob]}, {name: Inner, parent: Core Team, secret: true}]}
repositories:
  - name: acme/tool
    private: true
    description: A tool
    topics: [tools]
    settings: {allow_squash_merge: false}
    files:
      README.md: "# Tool\\n"
      src/tool.py: |
        print("tool")
      run.sh: "#!/bin/sh\\n"
    branches:
      topic: {files: {src/tool.py: "print(2)\\n", run.sh: null, new/deep.txt: "x\\n"}, message: Improve}
      on/topic: {on: topic, files: {more.txt: "y\\n"}}
    protection:
      main: {required_checks: [test], required_reviews: 2, enforce_admins: true, push_users: [ann]}
    labels:
      - {name: urgent, color: ff0000}
      - {name: bug, color: "000000", description: Ours}
    milestones: [{title: One, due_on: "2027-01-01T00:00:00Z"}]
    collaborators: {bob: admin}
    teams: {Core Team: maintain}
    variables: {stage: test}
    issues:
      - {title: First, body: Text, author: bob, labels: [urgent, BUG], assignees: [bob], milestone: One, number: 7}
      - {title: Closed, state: closed, state_reason: not_planned, comments: [{body: No, author: bob}, {body: Why}]}
      - {title: "Many {n}", repeat: 3}
    pull_requests:
      - {title: Improve, head: topic, author: bob, labels: [urgent], statuses: {test: success},
         reviews: [{author: ann, state: changes_requested, body: No}, {author: ann, state: approved}]}
      - {title: Dropped, head: on/topic, base: topic, state: closed}
    releases: [{tag: v1, name: One, author: bob}, {tag: v2, draft: true}, {tag: v3, prerelease: true, body: Soon}]
    hooks:
      - {url: "http://127.0.0.1:9/", events: [push, issues]}
  - {name: ann/empty}
"""


def written(path: Path, text: str) -> Path:
    file = path / "seed.yml"
    file.write_text(text)
    return file


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Forge, Planted]:
    forge = Forge(tmp_path / "state")
    return forge, plant(forge, read(written(tmp_path, WHOLE)))


def client_of(forge: Forge, login: str = "ann") -> httpx.Client:
    token = seed.create_token(forge, seed.account(forge, login), "repo", "read:org")
    return httpx.Client(
        transport=JudgedForge(App(forge)),
        base_url="http://forge.test",
        headers={"authorization": f"token {token}"},
    )


def test_what_is_described_is_there(planted: tuple[Forge, Planted]) -> None:
    """Through the API, each answer judged; and repositories and database agree."""
    forge, count = planted
    assert count == Planted(users=2, organizations=1, repositories=2, issues=5, pull_requests=2)
    ann, tool = client_of(forge), "/repos/acme/tool"
    repo = ann.get(tool).json()
    assert (repo["private"], repo["topics"], repo["open_issues"], repo["language"]) == (
        True,
        ["tools"],
        5,
        "Python",
    )
    assert repo["allow_squash_merge"] is False
    assert {branch["name"] for branch in ann.get(f"{tool}/branches").json()} == {"main", "on/topic", "topic"}
    tree = ann.get(f"{tool}/git/trees/topic?recursive=1").json()["tree"]
    assert {(entry["path"], entry["mode"]) for entry in tree if entry["type"] == "blob"} == {
        ("README.md", "100644"),
        ("src/tool.py", "100644"),
        ("new/deep.txt", "100644"),
    }
    modes = {entry["path"]: entry["mode"] for entry in ann.get(f"{tool}/git/trees/main").json()["tree"]}
    assert modes["run.sh"] == "100755"
    seventh = ann.get(f"{tool}/issues/7").json()
    assert (seventh["user"]["login"], seventh["milestone"]["title"]) == ("bob", "One")
    assert {(label["name"], label["color"]) for label in seventh["labels"]} == {
        ("urgent", "ff0000"),
        ("bug", "000000"),
    }
    listed = ann.get(f"{tool}/issues?state=all&sort=created&direction=asc").json()
    assert {issue["number"]: issue["title"] for issue in listed} == {
        1: "Closed",
        2: "Many 1",
        3: "Many 2",
        4: "Many 3",
        5: "Improve",
        6: "Dropped",
        7: "First",
    }
    assert ann.get(f"{tool}/issues/1").json()["state_reason"] == "not_planned"
    assert [entry["user"]["login"] for entry in ann.get(f"{tool}/issues/1/comments").json()] == [
        "bob",
        "ann",
    ]
    pull = ann.get(f"{tool}/pulls/5").json()
    assert (pull["mergeable"], pull["changed_files"], pull["mergeable_state"]) == (True, 3, "blocked")
    assert [(row["state"], row["body"]) for row in ann.get(f"{tool}/pulls/5/reviews").json()] == [
        ("CHANGES_REQUESTED", "No"),
        ("APPROVED", ""),
    ]
    assert ann.get(f"{tool}/commits/topic/status").json()["state"] == "success"
    assert [row["tag_name"] for row in ann.get(f"{tool}/releases").json()] == ["v3", "v2", "v1"]
    latest = ann.get(f"{tool}/releases/latest").json()
    assert (latest["tag_name"], latest["name"], latest["author"]["login"]) == ("v1", "One", "bob")
    assert {tag["name"] for tag in ann.get(f"{tool}/tags").json()} == {"v1", "v3"}, "a draft has no tag"
    protection = ann.get(f"{tool}/branches/main/protection").json()
    assert protection["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert ann.get(f"{tool}/collaborators/bob/permission").json()["role_name"] == "admin"
    assert ann.get(f"{tool}/hooks").json()[0]["events"] == ["push", "issues"]
    assert [person["login"] for person in ann.get("/orgs/acme/teams/core-team/members").json()] == ["bob"]
    assert teams.roles_on(forge.store.db, 1, seed.account(forge, "bob").id) == ["maintain"]
    assert ann.get(f"{tool}/actions/variables/STAGE").json()["value"] == "test"
    assert forge.store.db.count("SELECT count(*) FROM event") == 0
    report = examine(forge)
    assert report.findings == [], report.lines()
    forge.close()


def test_a_planted_repository_lives_on(planted: tuple[Forge, Planted], tmp_path: Path) -> None:
    """It takes commits, and what follows from them, like any other."""
    forge, _ = planted
    ann, tool = client_of(forge), "/repos/acme/tool"
    head = ann.get(f"{tool}/git/ref/heads/topic").json()["object"]["sha"]
    body = {"message": "More", "content": "eA==", "branch": "topic"}
    assert ann.put(f"{tool}/contents/x.txt", json=body).status_code == 201
    assert ann.get(f"{tool}/pulls/5").json()["head"]["sha"] != head
    assert ann.post(f"{tool}/issues", json={"title": "Next"}).json()["number"] == 8
    assert examine(forge).clean
    forge.close()


MISTAKES = [
    ("users: [{login: ann, nmae: x}]", "1:22: users[0].nmae: unknown key; did you mean name?"),
    ("user: []", "1:1: user: unknown key; did you mean users?"),
    ("users: [{name: x}]", "1:9: users[0].login: is missing"),
    ("users: [{login: 5}]", "1:10: users[0].login: must be text"),
    ("users: [{login: ann}, {login: Ann}]", "1:24: users[1].login: there is an account Ann already"),
    ("users: [{login: a b}]", "a login has letters, digits and hyphens"),
    ("organizations: [{login: o, members: {}}]", "one member must be admin"),
    ("users: [{login: ann}]\norganizations: [{login: o, members: {an: admin}}]", "2:38: organizations[0].members.an: there is no user an; did you mean ann?"),
    ("users: [{login: ann}]\nrepositories: [{name: ann}]", "must be owner/name"),
    ("users: [{login: ann}]\nrepositories: [{name: amn/x}]", "there is no account amn; did you mean ann?"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, clone: nowhere}]", "repositories[0].clone: "),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, folder: nowhere}]", "is no folder"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, folder: ., files: {}}]", "a repository has files or folder, not both"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, repeat: 2}]", "ann/x is there already: write {n} where its number goes"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {.git/config: x}}]", "git takes no such path"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {../y: x}}]", "git takes no such path"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, branches: {t: {on: mian}}}]", "there is no branch mian; did you mean main?"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, branches: {a..b: {}}}]", "git takes no branch of this name"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, settings: {has_isues: true}}]", "unknown setting; did you mean has_issues?"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, issues: [{title: t, labels: [bgu]}]}]", "there is no label bgu; did you mean bug?"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, issues: [{title: t, number: 1}, {title: t, number: 1}]}]", "#1 is taken"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, pull_requests: [{title: t, head: main}]}]", "a branch is not proposed to itself"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, branches: {t: {}}, pull_requests: [{title: t, head: t}]}]", "t has nothing that main has not"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, hooks: [{url: 'ftp://x'}]}]", "must begin with http:// or https://"),
    ("users: [{login: ann}]\norganizations: [{login: o, members: {ann: admin}, teams: [{name: a, members: [amn]}]}]", "teams[0].members[0]: there is no user amn; did you mean ann?"),
    ("users: [{login: ann}]\norganizations: [{login: o, members: {ann: admin}, teams: [{name: a, parent: b}]}]", "no team b is described before"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, teams: {a: read}}]", "ann has no team a"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, variables: {GITHUB_X: a}}]", "not with GITHUB_"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, releases: [{tag: v1}, {tag: v1}]}]", "releases[1].tag: there is a release v1 already"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, releases: [{tag: a..b}]}]", "releases[0].tag: git takes no tag of this name"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, releases: [{tag: v1}]}]", "ann/x: release v1: the default branch has no commit to tag"),
    ("users: [{login: ann}]\nrepositories: [{name: ann/x, files: {a: b}, branches: {t: {files: {a: c}}}, pull_requests: [{title: t, head: t, reviews: [{author: amn, state: approved}]}]}]", "reviews[0].author: there is no user amn; did you mean ann?"),
    ("users: [", "seed.yml:2:1: You have an error in your yaml syntax"),
    ("[]", "seed.yml:1:1: "),
    ("users: []\nusers: []", "2:1: users: is there twice"),
    ("users: &a [*a]", "Unknown anchor"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, words: str) -> None:
    """Nothing of a description with a mistake is planted."""
    forge = Forge(tmp_path / "state")
    with pytest.raises(DescriptionError) as refused:
        plant(forge, read(written(tmp_path, text)))
    assert words in str(refused.value)
    assert forge.store.db.count("SELECT count(*) FROM account") == 0
    assert list((tmp_path / "state" / "git").iterdir()) == []
    forge.close()


def test_every_mistake_at_once_in_order(tmp_path: Path) -> None:
    text = "users:\n- {logn: x}\nrepositories:\n- {name: a/b, isues: []}\n"
    with pytest.raises(DescriptionError) as refused:
        read(written(tmp_path, text))
    places = [line.split(": ")[0].partition("seed.yml")[2] for line in str(refused.value).splitlines()]
    assert places == [":2:3", ":2:4", ":4:15"]


def test_from_clones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command makes a forge of local clones, which it only reads."""
    (tmp_path / "one").mkdir()
    clones = [make_clone(tmp_path / "widget"), make_clone(tmp_path / "one" / "gadget")]
    before = git("status", "--porcelain", "--branch", cwd=clones[0]).stdout
    state = tmp_path / "state"
    assert main(["seed", "--state", str(state), "--from-clones", *map(str, clones)]) == 0
    assert capsys.readouterr().out == "1 users, 1 organizations, 2 repositories, 0 issues, 0 pull requests\n"
    assert git("status", "--porcelain", "--branch", cwd=clones[0]).stdout == before
    head = git("rev-parse", "main", cwd=clones[1]).stdout
    assert git("rev-parse", "main", cwd=state / "git" / "2.git").stdout == head
    assert main(["fsck", "--state", str(state)]) == 0
    assert main(["seed", "--state", str(state), "--from-clones", str(tmp_path / "one")]) == 1
    assert "there is an account owner already" in capsys.readouterr().err
    assert main(["seed", "--state", str(state)]) == 1


def test_export_and_back(world: World, tmp_path: Path) -> None:
    """A lived-in forge, exported, seeded, exported again: the same description; merges keep their commits."""
    olga = world.as_("olga")
    propose(world, "topic", {"new.txt": "new\n"})
    propose(world, "other", {"other.txt": "new\n"})
    open_pull(world, head="topic")
    open_pull(world, head="other", body="Text")
    assert merge(world).status_code == 200
    issue = {"title": "Broken", "labels": ["bug", "fresh"], "assignees": ["mia"]}
    assert olga.post("/repos/acme/widget/issues", json=issue).status_code == 201
    olga.post("/repos/acme/widget/issues/3/comments", json={"body": "Yes"})
    olga.patch("/repos/acme/widget/issues/3", json={"state": "closed"})
    olga.put(
        "/repos/acme/widget/branches/main/protection",
        json={
            "required_status_checks": {"strict": True, "contexts": ["ci"]},
            "enforce_admins": True,
            "required_pull_request_reviews": {"required_approving_review_count": 2},
            "restrictions": None,
        },
    )
    given = {"event": "APPROVE", "body": "Fine"}
    assert world.as_("mia").post("/repos/acme/widget/pulls/2/reviews", json=given).status_code == 200
    olga.post("/repos/acme/widget/releases", json={"tag_name": "v1", "name": "One"})
    assert export(world.forge, tmp_path / "out") == 2
    again = Forge(tmp_path / "again")
    plant(again, read(tmp_path / "out"))
    report = examine(again)
    assert report.findings == [], report.lines()
    reader = client_of(again, "olga")
    (approved,) = reader.get("/repos/acme/widget/pulls/2/reviews").json()
    assert (approved["state"], approved["user"]["login"], approved["body"]) == ("APPROVED", "mia", "Fine")
    assert reader.get("/repos/acme/widget/releases/tags/v1").json()["name"] == "One"
    assert reader.get("/repos/acme/widget/issues/3").json()["closed_by"]["login"] == "olga"
    assert export(again, tmp_path / "back") == 2
    first, second = ((tmp_path / name / "seed.yml").read_text() for name in ("out", "back"))
    assert json.loads(first) == json.loads(second)
    assert '"merged"' in first
    assert "ghp_" not in first
    with pytest.raises(ValueError, match="is not empty"):
        export(again, tmp_path / "back")
    again.close()


def test_a_description_survives_export(planted: tuple[Forge, Planted], tmp_path: Path) -> None:
    """Teams, variables and all: what comes out of the second forge is what came out of the first."""
    forge, _ = planted
    export(forge, tmp_path / "out")
    again = Forge(tmp_path / "again")
    plant(again, read(tmp_path / "out"))
    export(again, tmp_path / "back")
    first, second = (json.loads((tmp_path / name / "seed.yml").read_text()) for name in ("out", "back"))
    assert first == second
    assert first["organizations"][0]["teams"][1] == {"name": "Inner", "parent": "Core Team", "secret": True}
    assert first["repositories"][0]["variables"] == {"STAGE": "test"}
    forge.close()
    again.close()


def test_many(tmp_path: Path) -> None:
    """A large forge is planted fast, in processor time (no process for each repository, no sync for each file)."""
    text = """
users: [{login: ann}]
repositories:
  - name: ann/repo-{n}
    repeat: 200
    files: {README.md: "# Many", src/a.py: "print(1)"}
    issues: [{title: "Issue {n}", repeat: 10, labels: [bug]}]
"""
    forge = Forge(tmp_path / "state")
    began = time.process_time()
    assert plant(forge, read(written(tmp_path, text))).issues == 2000
    assert time.process_time() - began < 3
    assert client_of(forge).get("/users/ann/repos?per_page=5").json()[0]["open_issues"] == 10
    forge.close()
