"""The reader on the embedded forge."""

from tests.contract.github.embedded import Embedded
from tests.contract.github.test_forge_writes import issue, protect
from tests.forge.robots import reporter

from penstock.adapters.github.access import check_access
from penstock.core.evidence import CheckStatus, RequiredChecks
from penstock.core.refs import NodeId, RepoRef, Sha


def test_repositories(forge: Embedded) -> None:
    reader = forge.admin.reader
    assert {facts.full_name for facts in reader.repositories("acme")} == {"acme/widget", "acme/secret"}
    by_name = {facts.full_name: facts for facts in reader.repositories("acme")}
    assert reader.repository(forge.repo) == by_name["acme/widget"]
    assert reader.repositories("olga") == ()
    assert reader.viewer() == "olga"


def test_what_is_hidden_is_missing(forge: Embedded) -> None:
    secret = RepoRef(forge="embedded", node_id=NodeId(""), owner="acme", name="secret")
    assert forge.admin.reader.repository(secret) is not None
    assert forge.kit.reader.repository(secret) is None


def test_commits_and_refs(forge: Embedded) -> None:
    reader = forge.kit.reader
    head = forge.head("main")
    commit = reader.commit(forge.repo, head)
    assert commit is not None
    assert (commit.sha, len(commit.parents)) == (head, 1)
    assert reader.commit(forge.repo, Sha("0" * 39 + "1")) is None
    assert reader.branch_head(forge.repo, "nothing/here") is None
    assert reader.branch_head(forge.repo, "feature/side") == commit.parents[0]
    assert reader.tag(forge.repo, "v1") == commit.parents[0]
    secret = RepoRef(forge="embedded", node_id=NodeId(""), owner="acme", name="secret")
    assert forge.admin.reader.branch_head(secret, "main") is None


def test_required_checks(forge: Embedded) -> None:
    reader = forge.admin.reader
    assert reader.required_checks(forge.repo, "main") == RequiredChecks(
        names=frozenset(), strict=False, approving_reviews=0
    )
    protect(forge)
    assert reader.required_checks(forge.repo, "main") == RequiredChecks(
        names=frozenset({"test"}), strict=True, approving_reviews=1
    )
    assert forge.kit.reader.required_checks(forge.repo, "main") is None, "wim may not read protection"


def test_permission(forge: Embedded) -> None:
    reader = forge.admin.reader
    people = {login: reader.permission(forge.repo, login) for login in ("olga", "wim", "otto", "nobody")}
    assert people == {"olga": "admin", "wim": "write", "otto": "read", "nobody": None}


def test_issues(forge: Embedded) -> None:
    number = issue(forge)
    reader = forge.kit.reader
    found = reader.issues(forge.repo, ["bot-task", "other"])
    assert [facts.number for facts in found] == [number]
    assert found[0] == reader.issue(forge.repo, number)
    assert (found[0].author, found[0].labels, found[0].open) == ("olga", frozenset({"bot-task"}), True)
    assert reader.issues(forge.repo, ["other"]) == ()
    assert reader.issue(forge.repo, 99) is None


def test_checks(forge: Embedded) -> None:
    head = forge.head("main")
    assert forge.kit.reader.checks(forge.repo, head) == ()
    with forge.owner() as wim:
        for state in ("pending", "success"):
            body = {"state": state, "context": "ci/outside", "target_url": "https://ci.test/1"}
            assert wim.post(f"/repos/acme/widget/statuses/{head}", json=body).status_code == 201
    (check,) = forge.kit.reader.checks(forge.repo, head)
    assert (check.name, check.conclusion, check.url) == ("ci/outside", "success", "https://ci.test/1")


def test_check_runs_and_what_they_tested_with(forge: Embedded) -> None:
    head, side = forge.head("main"), forge.head("feature/side")
    with reporter(forge.world) as app:
        for conclusion in ("failure", "success"):
            body = {
                "name": "test",
                "head_sha": head,
                "status": "completed",
                "conclusion": conclusion,
                "output": {
                    "title": "t",
                    "summary": "s",
                    "annotations": [
                        {
                            "path": "ci.yml",
                            "start_line": 1,
                            "end_line": 1,
                            "annotation_level": "notice",
                            "title": "penstock-sibling",
                            "message": f"acme/lib@{side}",
                        }
                    ],
                },
            }
            created = app.post("/repos/acme/widget/check-runs", json=body)
            assert created.status_code == 201, created.text
    (check,) = forge.kit.reader.checks(forge.repo, head)
    assert (check.name, check.status, check.conclusion) == ("test", CheckStatus.COMPLETED, "success")
    assert check.siblings == (("acme/lib", side),)


def test_revalidation_costs_no_request(forge: Embedded) -> None:
    reads = forge.admin.reads
    client = forge.admin.reader
    client._client = reads
    client.viewer()
    left = reads.account.budgets["core"].remaining
    for _ in range(5):
        client.viewer()
    assert reads.account.budgets["core"].remaining == left


def test_access(forge: Embedded) -> None:
    assert check_access(forge.admin.reads, forge.repo, judges=True, writes=True).missing == ()
    lacking = check_access(forge.kit.reads, forge.repo, judges=True, writes=False)
    assert lacking.login == "wim"
    assert [need.permission for need in lacking.missing] == ["administration=read"]
