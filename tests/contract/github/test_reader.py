"""What the reader makes of answers that are hard to get from a well-behaved forge."""

import pytest
from tests.contract.github.setting import REPO, Asked, Reply, Script, serving, sha

from penstock.core.evidence import CheckFact, CheckStatus, RequiredChecks
from penstock.ports import ForgeReader, Permanent, Transient

NOT_FOUND = Reply(status=404, body={"message": "Not Found"})
NOT_PROTECTED = Reply(status=404, body={"message": "Branch not protected"})
FORBIDDEN = Reply(status=403, body={"message": "Resource not accessible by personal access token"})
PLAN = Reply(
    status=403,
    body={"message": "Upgrade to GitHub Pro or make this repository public to enable this feature."},
)
PROTECTED = Reply(
    body={
        "url": "https://forge.test/protection",
        "required_status_checks": {
            "strict": False,
            "contexts": ["old", "new", "free", "any"],
            "checks": [
                {"context": "new", "app_id": 1},
                {"context": "free", "app_id": None},
                {"context": "any", "app_id": -1},
            ],
        },
        "required_pull_request_reviews": {"required_approving_review_count": 1},
    }
)
RULED = Reply(
    body=[
        {"type": "deletion"},
        {"type": "commit_message_pattern", "parameters": {"operator": "contains", "pattern": "x"}},
        {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [{"context": "lint", "integration_id": 7}, {"context": "docs"}],
                "strict_required_status_checks_policy": True,
            },
        },
        {"type": "pull_request", "parameters": {"required_approving_review_count": 2}},
    ]
)
NO_RULES = Reply(body=[])
OLD = frozenset({"old", "free", "any"})
NEW, LINT, DOCS = frozenset({("new", 1)}), frozenset({("lint", 7)}), frozenset({"docs"})


def at(replies: dict[str, Reply]) -> Script:
    """Replies by the end of the path, queries left out; anything else is not found."""

    def script(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        return next((reply for end, reply in replies.items() if path.endswith(end)), NOT_FOUND)

    return script


@pytest.mark.parametrize(
    ("protection", "rules", "required"),
    [
        (NOT_PROTECTED, NO_RULES, RequiredChecks(names=frozenset(), strict=False, approving_reviews=0)),
        (
            PROTECTED,
            NO_RULES,
            RequiredChecks(names=OLD, apps=NEW, strict=False, approving_reviews=1),
        ),
        (NOT_PROTECTED, RULED, RequiredChecks(names=DOCS, apps=LINT, strict=True, approving_reviews=2)),
        (
            PROTECTED,
            RULED,
            RequiredChecks(names=OLD | DOCS, apps=NEW | LINT, strict=True, approving_reviews=2),
        ),
        (PLAN, PLAN, RequiredChecks(names=frozenset(), strict=False, approving_reviews=0)),
        (FORBIDDEN, NO_RULES, None),
        (NOT_FOUND, NO_RULES, None),
        (NOT_PROTECTED, FORBIDDEN, None),
        (NOT_PROTECTED, NOT_FOUND, None),
    ],
)
def test_required_checks_fail_closed(
    protection: Reply, rules: Reply, required: RequiredChecks | None
) -> None:
    """Protection ∪ rules; what could not be read is None, never "nothing required"."""
    with serving(at({"/protection": protection, "/rules/branches/rel%2F1": rules})) as (kit, asked):
        assert kit.reader.required_checks(REPO, "rel/1") == required
    assert str(asked[0]) == "GET /repos/acme/widget/branches/rel%2F1/protection"


NOTHING = Reply(body={"message": "Server Error"})


@pytest.mark.parametrize(
    ("protection", "rules"),
    [
        (NOTHING, NO_RULES),
        (Reply(body={}), NO_RULES),
        (Reply(body={"url": "https://forge.test/p", "required_status_checks": {}}), NO_RULES),
        (NOT_PROTECTED, NOTHING),
        (NOT_PROTECTED, Reply(body=[{"type": "required_status_checks"}])),
        (NOT_PROTECTED, Reply(body=[{"type": "required_status_checks", "parameters": {}}])),
    ],
)
def test_an_answer_that_says_nothing_is_not_the_answer_that_nothing_is_required(
    protection: Reply, rules: Reply
) -> None:
    with serving(at({"/protection": protection, "/rules/branches/main": rules})) as (kit, _):
        with pytest.raises(Permanent) as unexpected:
            kit.reader.required_checks(REPO, "main")
        assert unexpected.value.code == "unexpected_answer"


APPS = {"github-actions": 15368, "other": 2, "x": 3}


def run(number: int, name: str, app: str = "github-actions", **fields: object) -> dict[str, object]:
    return {
        "id": number,
        "name": name,
        "app": {"slug": app, "id": APPS[app]},
        "check_suite": {"id": 1},
        "status": "completed",
        "conclusion": "success",
        "html_url": f"https://forge.test/{number}",
        "output": {"annotations_count": 0},
        **fields,
    }


def test_checks_are_the_latest_of_each_name_and_app() -> None:
    head, sibling = sha("1"), sha("2")
    runs = [
        run(9, "test", output={"annotations_count": 3}),
        run(5, "test", conclusion="failure"),
        run(6, "test", app="other", status="in_progress", conclusion=None),
        run(7, "build", app="x", status="waiting", conclusion=None),
    ]
    statuses = [
        {"context": "a", "state": "error", "target_url": None},
        {"context": "b", "state": "pending", "target_url": "https://ci.test/b"},
        {"context": "test", "state": "success", "target_url": None},
    ]
    annotations = [
        {"title": "penstock-sibling", "message": f"acme/lib@{sibling}"},
        {"title": "penstock-sibling", "message": "acme/lib@main"},
        {"title": "penstock-sibling", "message": f"x acme/evil@{sibling}"},
        {"title": "other", "message": f"acme/no@{sibling}"},
        {"title": None, "message": None},
    ]
    replies = {
        "/check-runs": Reply(body={"total_count": 4, "check_runs": runs}),
        "/status": Reply(body={"statuses": statuses}),
        "/check-runs/9/annotations": Reply(body=annotations),
    }
    with serving(at(replies)) as (kit, asked):
        found = {(fact.name, fact.app_id): fact for fact in kit.reader.checks(REPO, head)}
    assert found["test", 15368] == CheckFact(
        name="test",
        app_id=15368,
        status=CheckStatus.COMPLETED,
        conclusion="success",
        url="https://forge.test/9",
        siblings=(("acme/lib", sibling),),
    )
    states = {key: (fact.status, fact.conclusion) for key, fact in found.items()}
    assert states == {
        ("test", 15368): (CheckStatus.COMPLETED, "success"),
        ("test", APPS["other"]): (CheckStatus.RUNNING, ""),
        ("build", APPS["x"]): (CheckStatus.QUEUED, ""),
        ("a", None): (CheckStatus.COMPLETED, "failure"),
        ("b", None): (CheckStatus.RUNNING, ""),
        ("test", None): (CheckStatus.COMPLETED, "success"),
    }
    assert [request for request in map(str, asked) if "annotations" in request] == [
        "GET /repos/acme/widget/check-runs/9/annotations?per_page=100"
    ]


@pytest.mark.parametrize(
    ("runs", "conclusions"),
    [
        ([run(1, "test", conclusion="failure"), run(2, "test")], ["success"]),
        (
            [run(1, "test", conclusion="failure"), run(2, "test", check_suite={"id": 2})],
            ["failure", "success"],
        ),
        (
            [
                run(1, "test", conclusion="failure"),
                run(2, "test", check_suite={"id": 2}, conclusion="failure"),
                run(3, "test"),
            ],
            ["failure", "success"],
        ),
        (
            [run(1, "test", check_suite=None, conclusion="failure"), run(2, "test", check_suite=None)],
            ["success"],
        ),
    ],
)
def test_a_run_is_only_replaced_within_its_suite(
    runs: list[dict[str, object]], conclusions: list[str]
) -> None:
    replies = {
        "/check-runs": Reply(body={"total_count": len(runs), "check_runs": runs}),
        "/status": Reply(body={"statuses": []}),
    }
    with serving(at(replies)) as (kit, _):
        assert sorted(fact.conclusion for fact in kit.reader.checks(REPO, sha("1"))) == conclusions


@pytest.mark.parametrize(
    ("reply", "role"),
    [
        (Reply(body={"permission": "write", "role_name": "maintain"}), "maintain"),
        (Reply(body={"permission": "read", "role_name": "triage"}), "triage"),
        (Reply(body={"permission": "write", "role_name": "release captain"}), "write"),
        (Reply(body={"permission": "none", "role_name": "none"}), "none"),
        (Reply(body={"permission": "admin"}), "admin"),
        (NOT_FOUND, None),
        (FORBIDDEN, None),
    ],
)
def test_permission(reply: Reply, role: str | None) -> None:
    with serving(at({"/permission": reply})) as (kit, _):
        assert kit.reader.permission(REPO, "ada") == role


def test_an_empty_repository_has_no_branch() -> None:
    empty = Reply(status=409, body={"message": "Git Repository is empty."})
    with serving(at({"/git/ref/heads/main": empty})) as (kit, _):
        assert kit.reader.branch_head(REPO, "main") is None


def test_an_annotated_tag_is_the_commit_that_it_names() -> None:
    commit, tag = sha("c"), sha("d")
    replies = {
        "/git/ref/tags/v1": Reply(body={"object": {"sha": tag, "type": "tag"}}),
        f"/git/tags/{tag}": Reply(body={"object": {"sha": commit, "type": "commit"}}),
        "/git/ref/tags/v2": Reply(body={"object": {"sha": commit, "type": "commit"}}),
    }
    with serving(at(replies)) as (kit, _):
        assert [kit.reader.tag(REPO, name) for name in ("v1", "v2", "v3")] == [commit, commit, None]


def repository(node_id: str, full_name: str) -> Reply:
    return Reply(
        body={
            "node_id": node_id,
            "full_name": full_name,
            "default_branch": "main",
            "archived": False,
            "private": False,
            "clone_url": f"https://forge.test/{full_name}.git",
        }
    )


MINE, THEIRS = repository("R_1", "acme/gadget"), repository("R_2", "acme/widget")


@pytest.mark.parametrize("named", [THEIRS, NOT_FOUND])
def test_a_repository_is_found_again_by_its_node_id(named: Reply) -> None:
    """Its old name leads nowhere, or to another repository that took it."""
    replies = {
        "/repos/acme/widget": named,
        "/repos/acme/gadget": MINE,
        "/graphql": Reply(body={"data": {"node": {"nameWithOwner": "acme/gadget"}}}),
    }
    with serving(at(replies)) as (kit, asked):
        facts = kit.reader.repository(REPO)
    assert facts is not None
    assert (facts.node_id, facts.full_name) == ("R_1", "acme/gadget")
    assert b'"id":"R_1"' in next(request.body for request in asked if request.method == "POST")


@pytest.mark.parametrize(
    "answer",
    [
        Reply(body={"data": {"node": None}, "errors": [{"type": "NOT_FOUND", "message": "no node"}]}),
        Reply(body={"data": {"node": {}}}),
        Reply(body={"data": {"node": {"nameWithOwner": "acme/widget"}}}),
        NOT_FOUND,
    ],
)
def test_a_repository_that_is_gone_is_none_and_never_another_of_its_name(answer: Reply) -> None:
    with serving(at({"/repos/acme/widget": THEIRS, "/graphql": answer})) as (kit, _):
        assert kit.reader.repository(REPO) is None


@pytest.mark.parametrize(
    ("errors", "kind", "code"),
    [
        ([{"type": "RATE_LIMITED", "message": "slow down"}], Transient, "rate_limited"),
        ([{"type": "FORBIDDEN", "message": "no"}], Permanent, "unexpected_answer"),
        ([{"message": "syntax"}], Permanent, "unexpected_answer"),
        ([], Permanent, "unexpected_answer"),
    ],
)
def test_a_failed_query_is_no_missing_repository(
    errors: list[object], kind: type[Transient | Permanent], code: str
) -> None:
    answer = Reply(body={"data": None, "errors": errors})
    with serving(at({"/graphql": answer})) as (kit, _), pytest.raises(kind) as failed:
        kit.reader.repository(REPO)
    assert failed.value.code == code


def issue(number: int, label: str, **fields: object) -> dict[str, object]:
    return {
        "number": number,
        "title": "t",
        "body": None,
        "labels": [{"name": label}],
        "user": None,
        "author_association": "NONE",
        "state": "open",
        "html_url": "u",
        **fields,
    }


def test_issues_carry_one_of_the_labels() -> None:
    """Each once, in order; pull requests are none; a deleted author is GitHub's ghost."""

    def script(asked: Asked) -> Reply:
        if "labels=a+b" in asked.path or "labels=a%20b" in asked.path:
            return Reply(body=[issue(3, "a b"), issue(1, "a b"), issue(2, "a b", pull_request={"url": "x"})])
        return Reply(body=[issue(3, "c")])

    with serving(script) as (kit, asked):
        found = kit.reader.issues(REPO, ["c", "a b", "c"])
    assert [(facts.number, facts.author, facts.body) for facts in found] == [
        (1, "ghost", ""),
        (3, "ghost", ""),
    ]
    assert len(asked) == 2
    assert all("state=open" in request.path for request in asked)


def test_only_the_authors_own_comment_counts() -> None:
    comments = [
        {"id": 1, "body": "<!-- m1 -->", "user": {"login": "mallory"}},
        {"id": 2, "body": None, "user": {"login": "penstock[bot]"}},
        {"id": 3, "body": "x <!-- m1 --> y", "user": {"login": "Penstock[bot]"}},
    ]
    with serving(at({"/comments": Reply(body=comments)})) as (kit, _):
        assert list(kit.reader.comments_with(REPO, 1, "m1", "penstock[bot]")) == [3]
        assert list(kit.reader.comments_with(REPO, 1, "m2", "penstock[bot]")) == []
        assert list(kit.reader.comments_with(REPO, 1, "m1", "someone")) == []


def test_reviews_are_peoples_words_on_a_commit() -> None:
    """Those that are submitted; and comments worded as one, as long as nobody edited them."""
    ada, bot = {"login": "ada", "type": "User"}, {"login": "ci[bot]", "type": "Bot"}
    then, later = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"

    def comment(number: int, at: str = then, user: object = ada) -> dict[str, object]:
        body = f"/approve {sha('1')}"
        return {"id": number, "body": body, "user": user, "created_at": then, "updated_at": at}

    replies = {
        "/reviews": Reply(
            body=[
                {"id": 1, "user": ada, "state": "PENDING", "commit_id": sha("1")},
                {"id": 2, "user": ada, "state": "APPROVED", "commit_id": sha("1")},
                {"id": 3, "user": bot, "state": "CHANGES_REQUESTED", "commit_id": sha("1")},
                {"id": 4, "user": None, "state": "DISMISSED", "commit_id": None},
            ]
        ),
        "/comments": Reply(
            body=[comment(1), comment(2, at=later), comment(3, user=bot), comment(4) | {"body": "Nice."}]
        ),
    }
    with serving(at(replies)) as (kit, _):
        found = kit.reader.reviews(REPO, 7)
    assert [(r.name, r.author, r.state.value, r.head, r.person) for r in found] == [
        ("pullrequestreview-2", "ada", "APPROVED", sha("1"), True),
        ("pullrequestreview-3", "ci[bot]", "CHANGES_REQUESTED", sha("1"), False),
        ("pullrequestreview-4", "ghost", "DISMISSED", None, False),
        ("issuecomment-1", "ada", "APPROVED", sha("1"), True),
        ("issuecomment-3", "ci[bot]", "APPROVED", sha("1"), False),
    ]
    assert [r.comment for r in found] == [False, False, False, True, True]


def test_an_owner_that_is_not_there_is_no_empty_list() -> None:
    with serving(at({})) as (kit, _), pytest.raises(Permanent, match="acme"):
        kit.reader.repositories("acme")


def test_missing_things_are_none() -> None:
    with serving(at({})) as (kit, _):
        reader: ForgeReader = kit.reader
        assert reader.branch_head(REPO, "b") is None
        assert reader.commit(REPO, sha("1")) is None
        assert reader.issue(REPO, 1) is None
        assert reader.pull(REPO, 1) is None


def test_a_pull_request_of_a_fork_is_not_the_branchs() -> None:
    pulls = [
        {
            "number": number,
            "state": "open",
            "user": {"login": "x"},
            "head": {"ref": "penstock/c-1", "sha": sha("1"), "repo": {"node_id": node}},
        }
        for number, node in ((9, "R_fork"), (7, "R_1"))
    ]
    with serving(at({"/pulls": Reply(body=pulls)})) as (kit, asked):
        assert [pull.number for pull in kit.reader.pulls_of(REPO, "penstock/c-1")] == [7]
    assert "head=acme%3Apenstock%2Fc-1" in asked[0].path
    assert "state=all" in asked[0].path
