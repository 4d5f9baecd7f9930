"""The client against what GitHub really answered."""

import pytest
from tests.contract.github.setting import Going, recorded

from penstock.adapters.github import needs, wire
from penstock.adapters.github.facts import check_of_status
from penstock.adapters.github.failures import Refused
from penstock.adapters.github.writing import Mutation
from penstock.core.evidence import CheckStatus
from penstock.core.refs import NodeId, RepoRef
from penstock.ports import Permanent

ORG = "octokit-fixture-org"
NODE = NodeId("MDA6RW50aXR5MQ==")


def repo(name: str, node_id: NodeId = NODE) -> RepoRef:
    return RepoRef(forge="github", node_id=node_id, owner=ORG, name=name)


def test_repository() -> None:
    kit, transport = recorded("get-repository")
    facts = kit.reader.repository(repo("hello-world"))
    assert facts is not None
    assert (facts.full_name, facts.default_branch) == (f"{ORG}/hello-world", "master")
    assert not facts.archived
    assert facts.clone_url == f"https://github.com/{ORG}/hello-world.git"
    assert not transport.left


def test_pages_follow_link_headers_to_the_last() -> None:
    """GitHub's links lead to `/repositories/ID`, not to the address that was asked."""
    kit, transport = recorded("paginate-issues")
    pages = kit.reads.pages(f"repos/{ORG}/paginate-issues/issues", wire.Issues, needs.ISSUES, {"per_page": 3})
    numbers = [issue.number for page in pages for issue in page.root]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 13
    assert not transport.left


def test_a_renamed_repository_is_found_by_its_old_name() -> None:
    kit, transport = recorded("rename-repository")
    transport.left = transport.left[1:3]
    facts = kit.reader.repository(repo("rename-repository"))
    assert facts is not None
    assert facts.full_name == f"{ORG}/rename-repository-newname"
    assert not transport.left


def test_a_write_is_not_redirected() -> None:
    """307 on a write: it was meant for another name, so it is refused here, and nothing follows."""
    kit, transport = recorded("rename-repository")
    transport.left = transport.left[3:]
    mutation = Mutation(
        method="PATCH",
        path=f"repos/{ORG}/rename-repository",
        need=needs.WRITE_CONTENTS,
        body={"name": "rename-repository-newname", "description": "test description"},
    )
    with pytest.raises(Refused) as refused:
        kit.writes.send(mutation, wire.Anything, Going())
    assert refused.value.code == "moved"
    assert len(transport.left) == 1


def test_refs() -> None:
    kit, transport = recorded("git-refs")
    refs, branch = f"repos/{ORG}/git-refs/git/refs", f"repos/{ORG}/git-refs/git/refs/heads/test"
    old, new = "0" * 39 + "2", "0" * 39 + "1"

    def send(method: str, path: str, body: wire.Body | None) -> None:
        mutation = Mutation(method=method, path=path, need=needs.WRITE_CONTENTS, body=body)
        kind = wire.Anything if method == "DELETE" else wire.Ref
        answer = kit.writes.send(mutation, kind, Going())
        if isinstance(answer, wire.Ref):
            assert answer.object.sha == (body or {})["sha"]

    kit.reads.get(f"{refs}/", wire.Anything, needs.CONTENTS)
    send("POST", refs, {"ref": "refs/heads/test", "sha": old})
    send("PATCH", branch, {"sha": new})
    kit.reads.get(f"{refs}/", wire.Anything, needs.CONTENTS)
    send("DELETE", branch, None)
    assert not transport.left


def test_errors_keep_githubs_words() -> None:
    kit, _ = recorded("errors")
    mutation = Mutation(
        method="POST",
        path=f"repos/{ORG}/errors/labels",
        need=needs.WRITE_ISSUES,
        body={"name": "foo", "color": "invalid"},
    )
    with pytest.raises(Refused) as refused:
        kit.writes.send(mutation, wire.Anything, Going())
    assert (refused.value.code, refused.value.status) == ("invalid", 422)
    assert refused.value.said == "Validation Failed; color invalid"


def test_labels() -> None:
    kit, transport = recorded("add-labels-to-issue")
    transport.left = transport.left[1:]
    mutation = Mutation(
        method="POST",
        path=f"repos/{ORG}/add-labels-to-issue/issues/1/labels",
        need=needs.WRITE_ISSUES,
        body={"labels": ["Foo", "bAr", "baZ"]},
    )
    labels = kit.writes.send(mutation, wire.Labels, Going())
    assert [label.name for label in labels.root] == ["Foo", "bAr", "baZ"]


def test_an_issue_as_created() -> None:
    kit, transport = recorded("add-labels-to-issue")
    transport.left = transport.left[:1]
    mutation = Mutation(
        method="POST",
        path=f"repos/{ORG}/add-labels-to-issue/issues",
        need=needs.WRITE_ISSUES,
        body={"title": "Issue without a label"},
        creates=True,
    )
    issue = kit.writes.send(mutation, wire.Issue, Going())
    assert (issue.number, issue.state, issue.user and issue.user.login) == (
        1,
        "open",
        "octokit-fixture-user-a",
    )


def test_protection() -> None:
    """ "Branch not protected" demands nothing; protection demands its contexts."""
    kit, transport = recorded("branch-protection")
    path = f"repos/{ORG}/branch-protection/branches/main/protection"
    with pytest.raises(Refused, match="Branch not protected"):
        kit.reads.get(path, wire.Protection, needs.PROTECTION)
    transport.left.pop(0)
    body = transport.left[0]["body"]
    mutation = Mutation(method="PUT", path=path, need=needs.PROTECTION, body=body)
    protection = kit.writes.send(mutation, wire.Protection, Going())
    assert protection.required_status_checks is not None
    assert protection.required_status_checks.contexts == ("foo/bar",)
    assert protection.required_status_checks.strict


def test_statuses() -> None:
    kit, transport = recorded("create-status")
    transport.left = transport.left[3:]
    path = f"repos/{ORG}/create-status/commits/{'0' * 39}1/status"
    combined = kit.reads.get(path, wire.CombinedStatus, needs.STATUSES)
    assert {(status.context, status.state) for status in combined.statuses} == {
        ("example/1", "failure"),
        ("example/2", "success"),
    }
    facts = {fact.name: fact for fact in map(check_of_status, combined.statuses)}
    assert facts["example/1"].conclusion == "failure"
    assert facts["example/2"].conclusion == "success"
    assert all(fact.status is CheckStatus.COMPLETED for fact in facts.values())


def test_the_token_follows_no_redirect_to_another_host() -> None:
    """An archive's address is at codeload.github.com."""
    kit, transport = recorded("get-archive")
    with pytest.raises(Permanent, match="codeload"):
        kit.reads.get(f"repos/{ORG}/get-archive/tarball/main", wire.Anything, needs.CONTENTS)
    assert len(transport.left) == 1
