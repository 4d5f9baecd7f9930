"""PyGithub, pointed at the forge by `base_url`: a maintainer's day through its objects."""

from importlib.metadata import version as installed

import github
import pytest
from github.GithubObject import NotSet
from tests.judges.board import Judge
from tests.judges.stage import REPORTER, Stage, until

judge = Judge(name="PyGithub", version=lambda: installed("PyGithub"))


def hub(stage: Stage, login: str = "olga") -> github.Github:
    """A client with that person's token; nothing is retried."""
    return github.Github(
        auth=github.Auth.Token(stage.tokens[login]), base_url=stage.url, retry=None, seconds_between_writes=0
    )


@judge.scenario("who am I, and what is there")
def look(stage: Stage) -> None:
    with hub(stage) as olga:
        assert (olga.get_user().login, olga.get_user("wim").name) == ("olga", "Wim")
        org = olga.get_organization("acme")
        assert {repo.full_name for repo in org.get_repos()} >= {"acme/widget", "acme/secret"}
        repo = olga.get_repo("acme/widget")
        assert (repo.default_branch, repo.private, repo.owner.type) == ("main", False, "Organization")
        assert repo.get_readme().decoded_content == b"# Widget\n"
        assert {tag.name for tag in repo.get_tags()} == {"v1"}
        assert [commit.commit.message.splitlines()[0] for commit in repo.get_commits()] == ["Second", "First"]
        assert {one.path for one in repo.get_git_tree("main", recursive=True).tree} >= {"src/widget.py"}
        assert repo.compare("feature/side", "main").ahead_by == 1
        assert olga.get_rate_limit().resources.core.limit > 0


@judge.scenario("issue: labels, assignee, milestone, comments, timeline, close, lock, search")
def issue(stage: Stage) -> None:
    with hub(stage) as olga:
        repo = olga.get_repo(stage.repository("pyg-issue"))
        label = repo.create_label("urgent", "ff0000", "Now")
        milestone = repo.create_milestone("M1", description="first")
        made = repo.create_issue(
            "Broken zebra", body="It broke", labels=[label], assignee="olga", milestone=milestone
        )
        assert made.milestone.title == "M1"
        comment = made.create_comment("Me too")
        comment.edit("Me three")
        assert [one.body for one in made.get_comments()] == ["Me three"]
        made.remove_from_labels("urgent")
        made.add_to_labels("bug")
        made.lock("resolved")
        assert repo.get_issue(made.number).locked
        made.unlock()
        made.edit(state="closed", state_reason="not_planned")
        kinds = [event.event for event in made.get_timeline()]
        assert {"labeled", "assigned", "milestoned", "commented", "locked", "closed"} <= set(kinds)
        assert [one.number for one in repo.get_issues(state="closed")] == [made.number]
        until(
            lambda: [one.number for one in olga.search_issues("zebra repo:acme/pyg-issue")] == [made.number],
            "the issue is not found",
        )


@judge.scenario("contents and git data: create, update, delete, tree, commit, ref, tag")
def content(stage: Stage) -> None:
    with hub(stage) as olga:
        repo = olga.get_repo(stage.repository("pyg-content"))
        made = repo.create_file("docs/a.md", "Add a", "one\n", branch="main")
        made = repo.update_file("docs/a.md", "Change a", "two\n", made["content"].sha)
        assert repo.get_readme().path == "README.md"
        assert repo.get_contents("docs/a.md", ref="main").size == 4  # type: ignore[union-attr]
        repo.delete_file("docs/a.md", "Remove a", made["content"].sha)
        head = repo.get_branch("main").commit
        element = github.InputGitTreeElement("b.sh", "100755", "blob", content="#!/bin/sh\n")
        tree = repo.create_git_tree([element], repo.get_git_tree(head.sha))
        commit = repo.create_git_commit("Add b", tree, [repo.get_git_commit(head.sha)])
        ref = repo.create_git_ref("refs/heads/b", commit.sha)
        ref.edit(head.sha, force=True)
        ref.delete()
        tag = repo.create_git_tag("v2", "Two", commit.sha, "commit")
        repo.create_git_ref("refs/tags/v2", tag.sha)
        assert repo.get_git_tag(tag.sha).object.sha == commit.sha


@judge.scenario("pull request: open, status, check run, review, comment on a line, merge")
def pull(stage: Stage) -> None:
    name = stage.repository("pyg-pull")
    head = stage.branch(name, "topic", {"src/widget.py": "def spin():\n    return 3\n"})
    with hub(stage) as olga, hub(stage, "mia") as mia, hub(stage, REPORTER) as app:
        repo = olga.get_repo(name)
        repo.add_to_collaborators("mia", "push")
        opened = repo.create_pull("main", "topic", title="Spin", body="Faster")
        assert [(one.filename, one.changes) for one in opened.get_files()] == [("src/widget.py", 2)]
        commit = repo.get_commit(head)
        commit.create_status("success", context="lint")
        run = app.get_repo(name).create_check_run("unit", head, status="in_progress")
        run.edit(status="completed", conclusion="success", output={"title": "T", "summary": "S"})
        assert commit.get_combined_status().state == "success"
        assert [one.conclusion for one in commit.get_check_runs()] == ["success"]
        opened.create_review_request(reviewers=["mia"])
        theirs = mia.get_repo(name).get_pull(opened.number)
        theirs.create_review_comment("Why 3?", commit, "src/widget.py", 2, side="RIGHT")
        theirs.create_review(commit, "Good", "APPROVE")
        assert [one.state for one in opened.get_reviews()][-1] == "APPROVED"
        assert [one.body for one in opened.get_review_comments()] == ["Why 3?"]
        until(lambda: repo.get_pull(opened.number).mergeable, "it does not become mergeable")
        assert opened.merge(merge_method="squash", commit_title="Spin (#1)").merged
        assert repo.get_pull(opened.number).merged
        assert repo.get_branch("main").commit.commit.message.splitlines()[0] == "Spin (#1)"


@judge.scenario("administration: protection, collaborators, webhook, topics, rename, delete")
def administration(stage: Stage) -> None:
    with hub(stage) as olga:
        repo = olga.get_repo(stage.repository("pyg-admin"))
        branch = repo.get_branch("main")
        branch.edit_protection(strict=True, contexts=["lint"], required_approving_review_count=2)
        assert branch.get_protection().required_status_checks.contexts == ["lint"]
        branch.remove_protection()
        repo.add_to_collaborators("mia", "maintain")
        assert repo.get_collaborator_permission("mia") == "write"
        invitation = repo.add_to_collaborators("otto", "push")
        assert invitation is not None
        with hub(stage, "otto") as otto:
            otto.get_user().accept_invitation(invitation)
        assert repo.has_in_collaborators("otto")
        hook = repo.create_hook("web", {"url": f"{stage.url}/nowhere", "content_type": "json"}, ["push"])
        hook.edit("web", {"url": f"{stage.url}/nowhere", "content_type": "json"}, ["push", "issues"])
        hook.ping()
        hook.delete()
        repo.replace_topics(["forge", "test"])
        assert repo.get_topics() == ["forge", "test"]
        repo.edit(name="pyg-renamed", description="New", has_wiki=False, default_branch=NotSet)
        assert olga.get_repo("acme/pyg-admin").full_name == "acme/pyg-renamed"
        repo.delete()
        with pytest.raises(github.UnknownObjectException):
            olga.get_repo("acme/pyg-renamed")


@judge.scenario("refusals arrive as PyGithub's exceptions")
def refusals(stage: Stage) -> None:
    with hub(stage, "otto") as otto, hub(stage) as olga:
        bad = github.Github(auth=github.Auth.Token("wrong"), base_url=stage.url, retry=None)
        for expected, call in (
            (github.UnknownObjectException, lambda: otto.get_repo("acme/secret")),
            (github.BadCredentialsException, lambda: bad.get_user().login),
            (github.GithubException, lambda: otto.get_repo("acme/widget").create_label("x", "ffffff")),
            (github.GithubException, lambda: olga.get_repo("acme/widget").create_label("x", "no colour")),
        ):
            with pytest.raises(expected):
                call()


@judge.scenario("releases: create with notes, find by tag, edit, delete", "repos/create-release")
def releases(stage: Stage) -> None:
    with hub(stage) as olga:
        repo = olga.get_repo(stage.repository("pyg-release"))
        made = repo.create_git_release("v3", "Three", "Words", target_commitish="main")
        assert repo.get_latest_release().tag_name == "v3"
        assert repo.get_release("v3").id == made.id
        made.update_release("Third", "More words", draft=True)
        made.delete_release()
        assert not list(repo.get_releases())


@judge.scenario("workflow: dispatch, run to success, jobs, logs")
def workflow(stage: Stage) -> None:
    text = "on: workflow_dispatch\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo hello\n"
    with hub(stage) as olga:
        repo = olga.get_repo(stage.repository("pyg-flow", {".github/workflows/ci.yml": text}))
        flow = repo.get_workflow("ci.yml")
        assert flow.create_dispatch("main")
        until(lambda: flow.get_runs().totalCount == 1, "no run")
        run = flow.get_runs()[0]
        until(lambda: repo.get_workflow_run(run.id).status == "completed", "it does not end")
        assert repo.get_workflow_run(run.id).conclusion == "success"
        assert [job.conclusion for job in run.jobs()] == ["success"]
