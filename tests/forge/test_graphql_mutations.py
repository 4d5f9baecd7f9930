"""GraphQL's mutations: what they change is what REST and git show."""

import base64

from tests.forge.graph import data, mutate, node_of, refused
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


def test_a_commit_and_a_pull_request_by_mutations(world: World) -> None:
    """A branch, a commit on it, a pull request, a review, a merge: read back by git."""
    store, head = world.forge.git(world.widget.id), sha_of(world, "main")
    repo = data(world, '{ repository(owner: "acme", name: "widget") { id } }')["repository"]["id"]
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
    assert store.text("ls-tree", "-r", "--name-only", "topic").split() == [
        "README.md",
        "docs/new.md",
        "src/widget.py",
    ]
    query = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"
    assert refused(world, query, input=given)[0] == "STALE_DATA"
    assert refused(world, query, "otto", input=given)[0] == "FORBIDDEN"
    pull = mutate(
        world,
        "createPullRequest",
        "pullRequest { id number isDraft }",
        repositoryId=repo,
        title="Spin",
        headRefName="topic",
        baseRefName="main",
        draft=True,
    )["pullRequest"]
    assert (pull["number"], pull["isDraft"]) == (1, True)
    ready = mutate(
        world, "markPullRequestReadyForReview", "pullRequest { isDraft }", pullRequestId=pull["id"]
    )
    assert ready["pullRequest"]["isDraft"] is False
    reviewed = mutate(
        world,
        "addPullRequestReview",
        "pullRequestReview { state }",
        "wim",
        pullRequestId=pull["id"],
        event="APPROVE",
    )
    assert reviewed["pullRequestReview"]["state"] == "APPROVED"
    query = (
        "mutation($input: MergePullRequestInput!) { mergePullRequest(input: $input) { clientMutationId } }"
    )
    stale = {"pullRequestId": pull["id"], "expectedHeadOid": head}
    assert refused(world, query, input=stale) == (
        "STALE_DATA",
        "Head branch was modified. Review and try the merge again.",
    )
    merged = mutate(
        world,
        "mergePullRequest",
        "pullRequest { state mergeCommit { oid } mergedBy { login } }",
        pullRequestId=pull["id"],
        mergeMethod="SQUASH",
        commitHeadline="In one",
    )["pullRequest"]
    assert (merged["state"], merged["mergedBy"]) == ("MERGED", {"login": "olga"})
    assert store.text("log", "-1", "--format=%s", "main") == "In one"
    assert merged["mergeCommit"]["oid"] == store.text("rev-parse", "main")
    query = (
        "mutation($input: CreatePullRequestInput!) { createPullRequest(input: $input) { clientMutationId } }"
    )
    again = {"repositoryId": repo, "title": "x", "headRefName": "nowhere", "baseRefName": "main"}
    assert refused(world, query, input=again) == ("UNPROCESSABLE", "head is invalid")


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
