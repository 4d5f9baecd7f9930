"""GraphQL's mutations: what they change is what REST and git show."""

import base64

from tests.forge.graph import data, mutate, node_of, refusal, refused
from tests.forge.proposing import REPO, commit, open_pull, propose, sha_of
from tests.forge.world import World


def test_an_issue_by_mutations(world: World) -> None:
    """Opened, commented, labelled, assigned, closed and opened again; REST sees the same."""
    olga = world.as_("olga")
    repo = data(world, '{ repository(owner: "acme", name: "widget") { id label(name: "bug") { id } } }')[
        "repository"
    ]
    mia = data(world, '{ user(login: "mia") { id } }')["user"]["id"]
    made = mutate(world, "createIssue", "issue { id number }", repositoryId=repo["id"], title="By mutation")
    issue = made["issue"]["id"]
    said = mutate(world, "addComment", "commentEdge { node { id body } }", subjectId=issue, body="hm")
    comment_id = said["commentEdge"]["node"]["id"]
    mutate(world, "updateIssueComment", "issueComment { body }", id=comment_id, body="hm!")
    assert olga.get(f"{REPO}/issues/1/comments").json()[0]["body"] == "hm!"
    mutate(world, "deleteIssueComment", "", id=comment_id)
    labelled = "labelable { ... on Issue { labels(first: 5) { nodes { name } } } }"
    put = mutate(world, "addLabelsToLabelable", labelled, labelableId=issue, labelIds=[repo["label"]["id"]])
    assert put["labelable"]["labels"]["nodes"] == [{"name": "bug"}]
    mutate(world, "removeLabelsFromLabelable", "", labelableId=issue, labelIds=[repo["label"]["id"]])
    mutate(world, "addAssigneesToAssignable", "", assignableId=issue, assigneeIds=[mia])
    mutate(world, "updateIssue", "issue { title }", id=issue, title="Changed", body="Text")
    closed = mutate(
        world, "closeIssue", "issue { state stateReason }", issueId=issue, stateReason="NOT_PLANNED"
    )
    assert closed["issue"] == {"state": "CLOSED", "stateReason": "NOT_PLANNED"}
    mutate(world, "reopenIssue", "issue { state }", issueId=issue)
    mutate(world, "lockLockable", "lockedRecord { locked }", lockableId=issue, lockReason="SPAM")
    seen = olga.get(f"{REPO}/issues/1").json()
    assert (seen["title"], seen["body"], seen["state"], seen["locked"]) == ("Changed", "Text", "open", True)
    assert (seen["assignee"]["login"], seen["labels"], seen["comments"]) == ("mia", [], 0)
    query = "mutation($input: CloseIssueInput!) { closeIssue(input: $input) { clientMutationId } }"
    assert refused(world, query, "otto", input={"issueId": issue})[0] == "FORBIDDEN"
    query = "mutation($input: AddCommentInput!) { addComment(input: $input) { clientMutationId } }"
    assert refused(world, query, "otto", input={"subjectId": issue, "body": "x"})[0] == "FORBIDDEN"


def test_a_commit_by_mutation(world: World) -> None:
    """On top of a branch that is where the caller expects it, read back by git."""
    store, head = world.forge.git(world.widget.id), sha_of(world, "main")
    repo = node_of(world, "id")["id"]
    mutate(world, "createRef", "ref { name }", repositoryId=repo, name="refs/heads/topic", oid=head)
    given: dict[str, object] = {
        "branch": {"repositoryNameWithOwner": "acme/widget", "branchName": "topic"},
        "expectedHeadOid": head,
        "message": {"headline": "By mutation", "body": "And why."},
        "fileChanges": {
            "additions": [{"path": "docs/new.md", "contents": base64.b64encode(b"new\n").decode()}],
            "deletions": [{"path": "run.sh"}],
        },
    }
    made = mutate(world, "createCommitOnBranch", "commit { oid message } ref { name }", **given)
    assert made["commit"]["oid"] == store.text("rev-parse", "topic")
    assert made["commit"]["message"] == "By mutation\n\nAnd why."
    names = store.text("ls-tree", "-r", "--name-only", "topic").split()
    assert names == ["README.md", "docs/new.md", "src/widget.py"]
    assert refusal(world, "createCommitOnBranch", **given)[0] == "STALE_DATA"
    assert refusal(world, "createCommitOnBranch", "otto", **given)[0] == "FORBIDDEN"
    ref = node_of(world, 'ref(qualifiedName: "topic") { id }')["ref"]["id"]
    assert refusal(world, "updateRef", refId=ref, oid=head) == (
        "UNPROCESSABLE",
        "Update is not a fast forward",
    )
    mutate(world, "updateRef", "ref { name }", refId=ref, oid=head, force=True)
    assert store.text("rev-parse", "topic") == head
    mutate(world, "deleteRef", "", refId=ref)
    assert node_of(world, 'ref(qualifiedName: "topic") { id }')["ref"] is None


def test_a_pull_request_by_mutations(topic: World) -> None:
    """A draft, made ready, reviewed and merged; what cannot be is refused as by REST."""
    store = topic.forge.git(topic.widget.id)
    repo = {"repositoryId": node_of(topic, "id")["id"], "title": "Spin", "baseRefName": "main"}
    assert refusal(topic, "createPullRequest", **repo, headRefName="nowhere") == (
        "UNPROCESSABLE",
        "head is invalid",
    )
    wanted = "pullRequest { id number isDraft }"
    pull = mutate(topic, "createPullRequest", wanted, **repo, headRefName="topic", draft=True)["pullRequest"]
    assert (pull["number"], pull["isDraft"]) == (1, True)
    one = {"pullRequestId": pull["id"]}
    assert mutate(topic, "markPullRequestReadyForReview", wanted, **one)["pullRequest"]["isDraft"] is False
    wanted = "pullRequestReview { state }"
    given = mutate(topic, "addPullRequestReview", wanted, "wim", **one, event="APPROVE")
    assert given["pullRequestReview"]["state"] == "APPROVED"
    assert refusal(topic, "mergePullRequest", **one, expectedHeadOid=sha_of(topic, "main")) == (
        "STALE_DATA",
        "Head branch was modified. Review and try the merge again.",
    )
    wanted = "pullRequest { state mergeCommit { oid } mergedBy { login } }"
    merged = mutate(topic, "mergePullRequest", wanted, **one, mergeMethod="SQUASH", commitHeadline="In one")
    assert (merged["pullRequest"]["state"], merged["pullRequest"]["mergedBy"]) == (
        "MERGED",
        {"login": "olga"},
    )
    assert store.text("log", "-1", "--format=%s", "main") == "In one"
    assert merged["pullRequest"]["mergeCommit"]["oid"] == store.text("rev-parse", "main")


def test_a_thread_is_resolved(world: World) -> None:
    """A conversation on a line, answered and settled."""
    propose(world, "topic", {"src/widget.py": "def spin():\n    return 3\n"})
    open_pull(world, head="topic")
    pull = node_of(world, "pullRequest(number: 1) { id }")["pullRequest"]["id"]
    thread = {"path": "src/widget.py", "line": 2, "body": "3?"}
    mutate(world, "addPullRequestReview", "", "wim", pullRequestId=pull, event="COMMENT", threads=[thread])
    wanted = "pullRequest(number: 1) { reviewThreads(first: 9) { nodes { id isResolved path line comments(first: 9) { totalCount } } } }"
    (found,) = node_of(world, wanted)["pullRequest"]["reviewThreads"]["nodes"]
    assert (found["isResolved"], found["path"], found["line"]) == (False, "src/widget.py", 2)
    mutate(world, "addPullRequestReviewThreadReply", "", pullRequestReviewThreadId=found["id"], body="yes")
    mutate(world, "resolveReviewThread", "thread { isResolved }", threadId=found["id"])
    (found,) = node_of(world, wanted)["pullRequest"]["reviewThreads"]["nodes"]
    assert (found["isResolved"], found["comments"]["totalCount"]) == (True, 2)
    head = commit(world, "topic", "more.txt")
    assert node_of(world, "pullRequest(number: 1) { headRefOid }")["pullRequest"]["headRefOid"] == head


def test_a_repository_by_mutation(world: World) -> None:
    """Made for the viewer, or for an organization they belong to."""
    org = data(world, '{ organization(login: "acme") { id } }')["organization"]["id"]
    made = mutate(
        world,
        "createRepository",
        "repository { nameWithOwner isPrivate }",
        "mia",
        name="fresh",
        ownerId=org,
        visibility="PRIVATE",
    )
    assert made["repository"] == {"nameWithOwner": "acme/fresh", "isPrivate": True}
    query = (
        "mutation($input: CreateRepositoryInput!) { createRepository(input: $input) { clientMutationId } }"
    )
    given = {"name": "mine", "ownerId": org, "visibility": "PUBLIC"}
    assert refused(world, query, "otto", input=given)[0] == "FORBIDDEN"
