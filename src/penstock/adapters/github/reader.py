"""ForgeReader on GitHub."""

from collections.abc import Iterable, Iterator

from penstock.adapters.github import facts, needs, wire
from penstock.adapters.github.account import quoted, repo_path
from penstock.adapters.github.facts import login_of, same_login
from penstock.adapters.github.failures import Refused, not_in_plan, not_protected
from penstock.adapters.github.queries import REPOSITORY_NAME
from penstock.adapters.github.reading import ReadClient
from penstock.core.evidence import (
    CheckFact,
    CommitFacts,
    IssueFacts,
    PullFacts,
    RepositoryFacts,
    RequiredChecks,
    ReviewFact,
)
from penstock.core.refs import RepoRef, Sha
from penstock.ports import Permanent, Transient

EMPTY_REPOSITORY = 409
"""What the Git database answers while a repository has no commit."""


class GitHubReader:
    """Facts about repositories, from REST; repositories are found again by node id after a rename."""

    def __init__(self, client: ReadClient) -> None:
        self._client = client

    def viewer(self) -> str:
        return self._client.login()

    def repositories(self, owner: str) -> tuple[RepositoryFacts, ...]:
        account = self._client.find(quoted("users", owner), wire.OwnerKind, needs.REPOSITORY)
        if account is None:
            raise Permanent(
                "not_found", f"no organization or user {owner} is visible at {self._client.account.base_url}"
            )
        if account.type == "Organization":
            path, choice = quoted("orgs", owner, "repos"), {"type": "all"}
        elif same_login(owner, self.viewer()):
            path, choice = "user/repos", {"affiliation": "owner"}
        else:
            path, choice = quoted("users", owner, "repos"), {"type": "owner"}
        pages = self._client.pages(path, wire.Repositories, needs.REPOSITORY, choice)
        return tuple(facts.repository_facts(answer) for page in pages for answer in page.root)

    def repository(self, repo: RepoRef) -> RepositoryFacts | None:
        """By name, redirects included; where that leads to another repository, by node id.

        An empty node id asks for whatever has the name.
        """
        found = self._client.find(repo_path(repo), wire.Repository, needs.REPOSITORY)
        if repo.node_id and (found is None or found.node_id != repo.node_id):
            name = self._name_now(repo)
            found = (
                self._client.find(quoted("repos", *name.split("/")), wire.Repository, needs.REPOSITORY)
                if name
                else None
            )
            if found is not None and found.node_id != repo.node_id:
                return None
        return facts.repository_facts(found) if found else None

    def branch_head(self, repo: RepoRef, branch: str) -> Sha | None:
        found = self._ref(repo, f"heads/{branch}")
        return found.sha if found else None

    def tag(self, repo: RepoRef, name: str) -> Sha | None:
        """The tagged commit, also where the tag is an object of its own."""
        found = self._ref(repo, f"tags/{name}")
        if found is None or found.type != "tag":
            return found.sha if found else None
        path = repo_path(repo, "git", "tags", found.sha)
        return self._client.get(path, wire.Ref, needs.CONTENTS).object.sha

    def commit(self, repo: RepoRef, sha: Sha) -> CommitFacts | None:
        found = self.commit_object(repo, sha)
        return facts.commit_facts(found) if found else None

    def commit_object(self, repo: RepoRef, sha: Sha) -> wire.Commit | None:
        return self._client.find(repo_path(repo, "git", "commits", sha), wire.Commit, needs.CONTENTS)

    def required_checks(self, repo: RepoRef, branch: str) -> RequiredChecks | None:
        try:
            protection = self._protection(repo, branch)
            rules = self._rules(repo, branch)
        except Refused as refusal:
            if refusal.status in {403, 404}:
                return None
            raise
        return facts.required_of(protection, rules)

    def permission(self, repo: RepoRef, login: str) -> str | None:
        path = repo_path(repo, "collaborators", login, "permission")
        try:
            answer = self._client.find(path, wire.CollaboratorPermission, needs.PEOPLE)
        except Refused as refusal:
            if refusal.status == 403:
                return None
            raise
        return facts.role_of(answer) if answer else None

    def writers(self, repo: RepoRef) -> frozenset[str] | None:
        path = repo_path(repo, "collaborators")
        try:
            pages = self._client.pages(path, wire.Logins, needs.PEOPLE, {"permission": "push"})
            return frozenset(person.login for page in pages for person in page.root)
        except Refused as refusal:
            if refusal.status in {403, 404}:
                return None
            raise

    def issue(self, repo: RepoRef, number: int) -> IssueFacts | None:
        found = self._client.find(repo_path(repo, "issues", number), wire.Issue, needs.ISSUES)
        return facts.issue_facts(found) if found and not found.pull_request else None

    def team(self, repo: RepoRef, name: str) -> frozenset[str] | None:
        """Another organization's team owns nothing here, and is not asked for."""
        organization, _, slug = name.partition("/")
        if organization.casefold() != repo.owner.casefold():
            return None
        path = f"/orgs/{quoted(organization)}/teams/{quoted(slug)}/members"
        try:
            pages = self._client.pages(path, wire.Logins, needs.MEMBERS)
            return frozenset(person.login.lower() for page in pages for person in page.root)
        except Refused as refusal:
            if refusal.status in {403, 404}:
                return None
            raise

    def issues(self, repo: RepoRef, labels: Iterable[str]) -> tuple[IssueFacts, ...]:
        """GitHub joins labels by "and", so each is asked for by itself."""
        found: dict[int, IssueFacts] = {}
        for label in sorted(set(labels)):
            choice = {"state": "open", "labels": label}
            for page in self._client.pages(repo_path(repo, "issues"), wire.Issues, needs.ISSUES, choice):
                found.update({i.number: facts.issue_facts(i) for i in page.root if not i.pull_request})
        return tuple(found[number] for number in sorted(found))

    def comments_with(self, repo: RepoRef, number: int, marker: str, author: str) -> Iterator[int]:
        """Ids of an author's comments with this marker, oldest first."""
        path = repo_path(repo, "issues", number, "comments")
        for page in self._client.pages(path, wire.Comments, needs.ISSUES):
            for comment in page.root:
                if marker in (comment.body or "") and same_login(login_of(comment.user), author):
                    yield comment.id

    def labels(self, repo: RepoRef, number: int) -> frozenset[str]:
        """Labels of an issue or pull request."""
        pages = self._client.pages(repo_path(repo, "issues", number, "labels"), wire.Labels, needs.ISSUES)
        return frozenset(label.name for page in pages for label in page.root)

    def pull(self, repo: RepoRef, number: int) -> PullFacts | None:
        found = self.pull_object(repo, number)
        return facts.pull_facts(found) if found else None

    def reviews(self, repo: RepoRef, number: int) -> tuple[ReviewFact, ...]:
        pages = self._client.pages(repo_path(repo, "pulls", number, "reviews"), wire.Reviews, needs.PULLS)
        given = (facts.review_of(answer) for page in pages for answer in page.root)
        path = repo_path(repo, "issues", number, "comments")
        comments = self._client.pages(path, wire.Comments, needs.ISSUES)
        said = (facts.review_in(comment) for page in comments for comment in page.root)
        return tuple(fact for fact in (*given, *said) if fact)

    def body_of_pull(self, repo: RepoRef, number: int) -> str:
        """What people read there. No flow can: it is not in `ForgeReader`, so that no decision comes out of it."""
        found = self.pull_object(repo, number)
        return (found.body or "") if found else ""

    def pull_object(self, repo: RepoRef, number: int) -> wire.Pull | None:
        return self._client.find(repo_path(repo, "pulls", number), wire.Pull, needs.PULLS)

    def pull_of(self, repo: RepoRef, branch: str) -> PullFacts | None:
        newest = next(self.pulls_of(repo, branch), None)
        return self.pull(repo, newest.number) if newest else None

    def pulls_of(self, repo: RepoRef, branch: str) -> Iterator[wire.ListedPull]:
        """Pull requests from this repository's branch, in any state, newest first."""
        choice = {"head": f"{repo.owner}:{branch}", "state": "all", "sort": "created", "direction": "desc"}
        for page in self._client.pages(repo_path(repo, "pulls"), wire.ListedPulls, needs.PULLS, choice):
            for pull in page.root:
                if pull.head.ref == branch and (not pull.head.repo or pull.head.repo.node_id == repo.node_id):
                    yield pull

    def runs(self, repo: RepoRef, head: Sha) -> tuple[wire.Run, ...]:
        """Workflow runs of one commit."""
        path = repo_path(repo, "actions", "runs")
        pages = self._client.pages(path, wire.Runs, needs.RUNS, {"head_sha": head})
        return tuple(run for page in pages for run in page.workflow_runs)

    def checks(self, repo: RepoRef, sha: Sha) -> tuple[CheckFact, ...]:
        at = repo_path(repo, "commits", sha)
        runs = [
            run
            for page in self._client.pages(f"{at}/check-runs", wire.CheckRuns, needs.CHECKS)
            for run in page.check_runs
        ]
        statuses = [
            status
            for page in self._client.pages(f"{at}/status", wire.CombinedStatus, needs.STATUSES)
            for status in page.statuses
        ]
        return (
            *(facts.check_of_run(run, self._siblings(repo, run)) for run in facts.latest_runs(runs)),
            *map(facts.check_of_status, statuses),
        )

    def _siblings(self, repo: RepoRef, run: wire.CheckRun) -> tuple[tuple[str, Sha], ...]:
        if run.output.annotations_count == 0:
            return ()
        path = repo_path(repo, "check-runs", run.id, "annotations")
        pages = self._client.pages(path, wire.Annotations, needs.CHECKS)
        return facts.siblings_of(annotation for page in pages for annotation in page.root)

    def _ref(self, repo: RepoRef, name: str) -> wire.GitObject | None:
        path = repo_path(repo, "git", "ref", *name.split("/"))
        try:
            found = self._client.find(path, wire.Ref, needs.CONTENTS)
        except Refused as refusal:
            if refusal.status == EMPTY_REPOSITORY:
                return None
            raise
        return found.object if found else None

    def _protection(self, repo: RepoRef, branch: str) -> wire.Protection | None:
        path = repo_path(repo, "branches", branch, "protection")
        try:
            return self._client.get(path, wire.Protection, needs.PROTECTION)
        except Refused as refusal:
            if not_protected(refusal) or not_in_plan(refusal):
                return None
            raise

    def _rules(self, repo: RepoRef, branch: str) -> list[wire.Rule]:
        path = repo_path(repo, "rules", "branches", branch)
        try:
            return [rule for page in self._client.pages(path, wire.Rules, needs.RULES) for rule in page.root]
        except Refused as refusal:
            if not_in_plan(refusal):
                return []
            raise

    def _name_now(self, repo: RepoRef) -> str | None:
        """The full name that a node id has now; None for no repository, or where the forge has no GraphQL."""
        try:
            answer = self._client.query(
                REPOSITORY_NAME, {"id": repo.node_id}, wire.NodeAnswer, needs.REPOSITORY
            )
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise
        others = [error for error in answer.errors if error.type != "NOT_FOUND"]
        if any(error.type == "RATE_LIMITED" for error in others):
            raise Transient("rate_limited", f"GraphQL is rate limited ({others[0].message})", 60.0)
        if others:
            raise Permanent(
                "unexpected_answer", f"GraphQL could not find {repo.full_name}: {others[0].message}"
            )
        if answer.data is None and not answer.errors:
            raise Permanent("unexpected_answer", f"GraphQL says nothing about {repo.full_name}")
        node = answer.data.node if answer.data else None
        return node.nameWithOwner if node else None
