"""githubkit, whose typed models refuse whatever is not as GitHub's description says: the strict judge."""

from functools import cache
from importlib.metadata import version as installed
from typing import Any

import pytest
from githubkit import GitHub, TokenAuthStrategy
from githubkit.exception import RequestFailed
from tests.judges.board import Judge
from tests.judges.stage import REPORTER, Stage, until

judge = Judge(name="githubkit", version=lambda: installed("githubkit"))


def rest(stage: Stage, login: str = "olga") -> Any:
    """Typed calls (typed when they run: the answers' models validate) with that person's token; nothing is retried, nothing cached."""
    return _client(stage.url, stage.tokens[login]).rest("2022-11-28")


@cache  # its namespaces hold it weakly
def _client(url: str, token: str) -> GitHub[TokenAuthStrategy]:
    return GitHub(token, base_url=url, auto_retry=False, http_cache=False)


def typed(answer: Any) -> Any:
    """The answer's model, all of it validated."""
    return answer.parsed_data


@judge.scenario("meta, users, organizations, repositories")
def look(stage: Stage) -> None:
    api = rest(stage)
    typed(api.meta.root())
    typed(api.meta.get())
    typed(api.rate_limit.get())
    assert typed(api.users.get_authenticated()).login == "olga"
    assert typed(api.users.get_by_username("wim")).name == "Wim"
    assert typed(api.orgs.get("acme")).login == "acme"
    assert {one.login for one in typed(api.orgs.list_members("acme"))} == {"olga", "mia"}
    assert typed(api.orgs.list_for_authenticated_user())[0].login == "acme"
    assert {one.name for one in typed(api.repos.list_for_org("acme"))} >= {"widget", "secret"}
    typed(api.repos.list_for_authenticated_user())
    assert typed(api.repos.get("acme", "widget")).full_name == "acme/widget"
    assert typed(api.repos.list_languages("acme", "widget"))
    assert typed(api.repos.get_readme("acme", "widget")).encoding == "base64"
    assert typed(api.repos.list_tags("acme", "widget"))[0].name == "v1"
    typed(api.repos.list_collaborators("acme", "widget"))


@judge.scenario("branches, commits, comparison, protection, rules")
def branches(stage: Stage) -> None:
    api = rest(stage)
    stage.repository("kit-branches")
    head = stage.branch("acme/kit-branches", "side", {"a.txt": "a\n"})
    where = ("acme", "kit-branches")
    assert {one.name for one in typed(api.repos.list_branches(*where))} == {"main", "side"}
    assert typed(api.repos.get_branch(*where, "side")).commit.sha == head
    assert len(typed(api.repos.list_commits(*where, sha="side"))) == 3
    assert typed(api.repos.get_commit(*where, head)).files[0].filename == "a.txt"
    assert typed(api.repos.compare_commits(*where, "main...side")).ahead_by == 1
    rules = {
        "required_status_checks": {"strict": True, "contexts": ["lint"]},
        "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "restrictions": None,
    }
    typed(api.repos.update_branch_protection(*where, "main", data=rules))
    assert typed(api.repos.get_branch_protection(*where, "main")).enforce_admins.enabled
    typed(api.repos.get_branch_rules(*where, "main"))
    api.repos.delete_branch_protection(*where, "main")
    assert typed(api.repos.merge(*where, data={"base": "main", "head": "side"})).sha
    typed(api.repos.rename_branch(*where, "side", data={"new_name": "port"}))


@judge.scenario("contents and git data")
def content(stage: Stage) -> None:
    api = rest(stage)
    stage.repository("kit-content")
    where = ("acme", "kit-content")
    body = {"message": "Add", "content": "b25lCg==", "branch": "main"}
    made = typed(api.repos.create_or_update_file_contents(*where, "docs/a.md", data=body))
    assert typed(api.repos.get_content(*where, "docs/a.md")).path == "docs/a.md"
    assert [one.name for one in typed(api.repos.get_content(*where, "docs"))] == ["a.md"]
    gone = {"message": "Remove", "sha": made.content.sha}
    typed(api.repos.delete_file(*where, "docs/a.md", data=gone))
    blob = typed(api.git.create_blob(*where, data={"content": "x", "encoding": "utf-8"}))
    assert typed(api.git.get_blob(*where, blob.sha)).size == 1
    head = typed(api.git.get_ref(*where, "heads/main")).object_.sha
    entry = {"path": "x.sh", "mode": "100755", "type": "blob", "sha": blob.sha}
    tree = typed(api.git.create_tree(*where, data={"base_tree": head, "tree": [entry]}))
    assert len(typed(api.git.get_tree(*where, tree.sha, recursive="1")).tree) > 3
    commit = typed(api.git.create_commit(*where, data={"message": "X", "tree": tree.sha, "parents": [head]}))
    assert typed(api.git.get_commit(*where, commit.sha)).parents[0].sha == head
    typed(api.git.create_ref(*where, data={"ref": "refs/heads/x", "sha": commit.sha}))
    typed(api.git.update_ref(*where, "heads/x", data={"sha": head, "force": True}))
    assert [one.ref for one in typed(api.git.list_matching_refs(*where, "heads/x"))] == ["refs/heads/x"]
    api.git.delete_ref(*where, "heads/x")
    sent = {"tag": "v9", "message": "Nine", "object": commit.sha, "type": "commit"}
    tag = typed(api.git.create_tag(*where, data=sent))
    assert typed(api.git.get_tag(*where, tag.sha)).tag == "v9"


@judge.scenario("issues: labels, milestones, assignees, comments, events, timeline, lock, search")
def issues(stage: Stage) -> None:
    api = rest(stage)
    stage.repository("kit-issues")
    where = ("acme", "kit-issues")
    typed(api.issues.create_label(*where, data={"name": "hot", "color": "ff0000"}))
    typed(api.issues.update_label(*where, "hot", data={"new_name": "hotter"}))
    milestone = typed(api.issues.create_milestone(*where, data={"title": "M"}))
    sent = {"title": "Giraffe", "labels": ["hotter"], "assignees": ["olga"], "milestone": milestone.number}
    one = typed(api.issues.create(*where, data=sent))
    comment = typed(api.issues.create_comment(*where, one.number, data={"body": "Yes"}))
    typed(api.issues.update_comment(*where, comment.id, data={"body": "No"}))
    assert typed(api.issues.list_comments(*where, one.number))[0].body == "No"
    typed(api.issues.add_labels(*where, one.number, data={"labels": ["bug"]}))
    typed(api.issues.remove_label(*where, one.number, "bug"))
    typed(api.issues.list_labels_on_issue(*where, one.number))
    typed(api.issues.remove_assignees(*where, one.number, data={"assignees": ["olga"]}))
    typed(api.issues.add_assignees(*where, one.number, data={"assignees": ["mia"]}))
    api.issues.lock(*where, one.number, data={"lock_reason": "resolved"})
    api.issues.unlock(*where, one.number)
    changed = {"state": "closed", "state_reason": "completed"}
    assert typed(api.issues.update(*where, one.number, data=changed)).state == "closed"
    assert typed(api.issues.list_for_repo(*where, state="all"))[0].number == one.number
    assert len(typed(api.issues.list_events_for_timeline(*where, one.number))) > 6
    typed(api.issues.list_milestones(*where))
    found = typed(api.search.issues_and_pull_requests(q="giraffe repo:acme/kit-issues"))
    assert found.total_count == 1


@judge.scenario("pull requests: files, commits, reviews, comments, requests, statuses, merge")
def pulls(stage: Stage) -> None:
    api, mia = rest(stage), rest(stage, "mia")
    stage.repository("kit-pulls")
    where = ("acme", "kit-pulls")
    api.repos.add_collaborator(*where, "mia", data={"permission": "push"})
    head = stage.branch("acme/kit-pulls", "topic", {"src/widget.py": "def spin():\n    return 4\n"})
    made = typed(api.pulls.create(*where, data={"title": "Spin", "head": "topic", "base": "main"}))
    assert [one.filename for one in typed(api.pulls.list_files(*where, 1))] == ["src/widget.py"]
    assert [one.sha for one in typed(api.pulls.list_commits(*where, 1))] == [head]
    typed(api.pulls.request_reviewers(*where, 1, data={"reviewers": ["mia"]}))
    typed(api.pulls.list_requested_reviewers(*where, 1))
    remark = {"body": "Why?", "commit_id": head, "path": "src/widget.py", "line": 2, "side": "RIGHT"}
    first = typed(mia.pulls.create_review_comment(*where, 1, data=remark))
    typed(api.pulls.create_reply_for_review_comment(*where, 1, first.id, data={"body": "So"}))
    assert len(typed(api.pulls.list_review_comments(*where, 1))) == 2
    review = typed(mia.pulls.create_review(*where, 1, data={"event": "APPROVE", "body": "Good"}))
    assert typed(api.pulls.list_reviews(*where, 1))[-1].id == review.id
    typed(api.pulls.dismiss_review(*where, 1, review.id, data={"message": "No"}))
    status = {"state": "success", "context": "lint"}
    typed(api.repos.create_commit_status(*where, head, data=status))
    assert typed(api.repos.get_combined_status_for_ref(*where, head)).state == "success"
    typed(api.repos.list_commit_statuses_for_ref(*where, head))
    assert typed(api.repos.list_pull_requests_associated_with_commit(*where, head))[0].number == 1
    until(lambda: typed(api.pulls.get(*where, 1)).mergeable, "it does not become mergeable")
    assert typed(api.pulls.merge(*where, 1, data={"merge_method": "rebase"})).merged
    assert typed(api.pulls.list(*where, state="closed"))[0].number == made.number
    api.pulls.check_if_merged(*where, 1)


@judge.scenario("check runs, suites and annotations")
def checks(stage: Stage) -> None:
    api = rest(stage)
    stage.repository("kit-checks")
    where = ("acme", "kit-checks")
    head = typed(api.git.get_ref(*where, "heads/main")).object_.sha
    remark = {
        "path": "README.md",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "warning",
        "message": "Hm",
    }
    output = {"title": "T", "summary": "S", "annotations": [remark]}
    sent = {"name": "unit", "head_sha": head, "status": "in_progress", "output": output}
    app = rest(stage, REPORTER)
    run = typed(app.checks.create(*where, data=sent))
    typed(app.checks.update(*where, run.id, data={"status": "completed", "conclusion": "neutral"}))
    assert typed(api.checks.get(*where, run.id)).conclusion == "neutral"
    assert typed(api.checks.list_annotations(*where, run.id))[0].message == "Hm"
    assert typed(api.checks.list_for_ref(*where, head)).total_count == 1
    suite = typed(api.checks.list_suites_for_ref(*where, head)).check_suites[0]
    typed(api.checks.get_suite(*where, suite.id))
    typed(api.checks.list_for_suite(*where, suite.id))


@judge.scenario("workflows, runs, jobs")
def workflows(stage: Stage) -> None:
    text = "on: workflow_dispatch\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo hello\n"
    stage.repository("kit-flows", {".github/workflows/ci.yml": text})
    api, where = rest(stage), ("acme", "kit-flows")
    flow = typed(api.actions.list_repo_workflows(*where)).workflows[0]
    typed(api.actions.get_workflow(*where, flow.id))
    api.actions.create_workflow_dispatch(*where, "ci.yml", data={"ref": "main"})
    until(lambda: typed(api.actions.list_workflow_runs_for_repo(*where)).total_count == 1, "no run")
    number = typed(api.actions.list_workflow_runs(*where, "ci.yml")).workflow_runs[0].id
    until(
        lambda: typed(api.actions.get_workflow_run(*where, number)).status == "completed", "it does not end"
    )
    job = typed(api.actions.list_jobs_for_workflow_run(*where, number)).jobs[0]
    assert typed(api.actions.get_job_for_workflow_run(*where, job.id)).conclusion == "success"
    assert b"hello" in api.actions.download_job_logs_for_workflow_run(*where, job.id).content


@judge.scenario("webhooks: create, update, ping, deliveries, redelivery")
def webhooks(stage: Stage) -> None:
    api = rest(stage)
    stage.repository("kit-hooks")
    where = ("acme", "kit-hooks")
    sent = {"config": {"url": f"{stage.url}/nowhere", "content_type": "json"}, "events": ["push"]}
    hook = typed(api.repos.create_webhook(*where, data=sent))
    typed(api.repos.get_webhook(*where, hook.id))
    typed(api.repos.update_webhook(*where, hook.id, data={"events": ["issues"]}))
    api.repos.ping_webhook(*where, hook.id)
    until(lambda: typed(api.repos.list_webhook_deliveries(*where, hook.id)), "no delivery")
    delivery = typed(api.repos.list_webhook_deliveries(*where, hook.id))[0]
    assert typed(api.repos.get_webhook_delivery(*where, hook.id, delivery.id)).event == "ping"
    typed(api.repos.redeliver_webhook_delivery(*where, hook.id, delivery.id))
    api.repos.delete_webhook(*where, hook.id)


@judge.scenario("refusals carry GitHub's words")
def refusals(stage: Stage) -> None:
    api = rest(stage, "otto")
    for status, call in (
        (404, lambda: api.repos.get("acme", "secret")),
        (403, lambda: api.issues.create_label("acme", "widget", data={"name": "x"})),
        (422, lambda: api.search.issues_and_pull_requests(q="")),
    ):
        with pytest.raises(RequestFailed) as refusal:
            call()
        assert refusal.value.response.status_code == status
        assert refusal.value.response.json()["message"]
