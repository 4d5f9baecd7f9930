"""Labels, milestones, issues and pull requests of one described repository, as rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from localforge.errors import InvalidError
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.history import merge_base
from localforge.pulls.testmerge import head_ref, tried_in
from localforge.seeding.checking import Plot, issues_of
from localforge.seeding.model import Comment, Issue, Pull, Repository
from localforge.seeding.verdicts import Verdicts
from localforge.store import issues, pulls
from localforge.store.accounts import Account
from localforge.store.database import Tx


@dataclass(slots=True, kw_only=True)
class Conversations:
    """One repository's. `account` gives a person of a login; `speaker` is whoever is not named."""

    forge: Forge
    tx: Tx
    at: str
    repo_id: int
    owner: Account
    speaker: Account
    account: Callable[[str], Account]
    _numbers: set[int] = field(default_factory=set)
    _next: int = 1
    _open: int = 0
    _labels: dict[str, int] = field(default_factory=dict)
    _milestones: dict[str, int] = field(default_factory=dict)

    def issues(self, spec: Repository) -> int:
        """Labels, milestones and issues. How many issues there are."""
        self._prepare(spec)
        wanted = issues_of(spec)
        for issue in wanted:
            self._issue(issue)
        return len(wanted)

    def pulls(self, plot: Plot) -> int:
        """Pull requests, after the branches are there. How many."""
        for pull in plot.spec.pull_requests:
            self._pull(pull, pull.base or plot.default_branch)
        self.tx.update("repository", self.repo_id, open_issues=self._open)
        return len(plot.spec.pull_requests)

    def releases(self, spec: Repository) -> None:
        """Releases and their tags, after the branches are there."""
        self._verdicts().releases(spec)

    def _verdicts(self) -> Verdicts:
        return Verdicts(forge=self.forge, tx=self.tx, at=self.at, repo_id=self.repo_id, person=self._person)

    def _prepare(self, spec: Repository) -> None:
        entries: Sequence[Issue | Pull] = [*spec.issues, *spec.pull_requests]
        self._numbers = {entry.number for entry in entries if entry.number is not None}
        self._labels = {
            label.name.casefold(): label.id for label in issues.labels_of_repo(self.tx, self.repo_id)
        }
        for label in spec.labels:
            known = self._labels.get(label.name.casefold())
            columns = {"name": label.name, "color": label.color, "description": label.description}
            if known:
                self.tx.update("label", known, **columns)
            else:
                row = self.tx.insert("label", repo_id=self.repo_id, **columns)
                self._labels[label.name.casefold()] = row
        for number, milestone in enumerate(spec.milestones, 1):
            self._milestones[milestone.title] = self.tx.insert(
                "milestone",
                repo_id=self.repo_id,
                number=number,
                creator_id=self._person(None),
                title=milestone.title,
                description=milestone.description,
                state=milestone.state,
                due_on=milestone.due_on,
                created_at=self.at,
                updated_at=self.at,
                closed_at=self.at if milestone.state == "closed" else None,
            )

    def _person(self, login: str | None) -> int:
        return self.account(login).id if login is not None else self.speaker.id

    def _number(self, wanted: int | None) -> int:
        if wanted is not None:
            return wanted
        while self._next in self._numbers:
            self._next += 1
        self._numbers.add(self._next)
        return self._next

    def _issue(self, entry: Issue | Pull) -> int:
        is_open = entry.state == "open"
        author, number = self._person(entry.author), self._number(entry.number)
        reason = entry.state_reason if isinstance(entry, Issue) else None
        if isinstance(entry, Issue) and not is_open:
            reason = reason or "completed"
        issue_id = self.tx.insert(
            "issue",
            repo_id=self.repo_id,
            number=number,
            is_pull=isinstance(entry, Pull),
            author_id=author,
            title=entry.title,
            body=entry.body,
            state="open" if is_open else "closed",
            state_reason=reason,
            milestone_id=self._milestones[entry.milestone] if entry.milestone is not None else None,
            comments=len(entry.comments),
            created_at=self.at,
            updated_at=self.at,
            closed_at=None if is_open else self.at,
            closed_by_id=None if is_open else author,
        )
        self._open += is_open
        self._hang_on(issue_id, entry.labels, entry.assignees, entry.comments)
        if not is_open:
            kind = "merged" if entry.state == "merged" else "closed"
            self.tx.insert(
                "issue_event",
                repo_id=self.repo_id,
                issue_id=issue_id,
                actor_id=author,
                kind=kind,
                commit_sha=entry.merge_commit_sha if isinstance(entry, Pull) else None,
                created_at=self.at,
            )
        return issue_id

    def _hang_on(
        self, issue_id: int, labels: Sequence[str], people: Sequence[str], comments: Sequence[Comment]
    ) -> None:
        for label_id in {self._labels[label.casefold()] for label in labels}:
            self.tx.insert("issue_label", issue_id=issue_id, label_id=label_id)
        for position, login in enumerate(dict.fromkeys(people), 1):
            user_id = self._person(login)
            self.tx.insert("issue_assignee", issue_id=issue_id, user_id=user_id, position=position)
        for comment in comments:
            self.tx.insert(
                "issue_comment",
                repo_id=self.repo_id,
                issue_id=issue_id,
                author_id=self._person(comment.author),
                body=comment.body,
                created_at=self.at,
                updated_at=self.at,
            )

    def _pull(self, spec: Pull, base: str) -> None:
        git = self.forge.git(self.repo_id)
        head_sha = spec.head_sha or refnames.branch_sha(git, spec.head)
        base_sha = spec.base_sha or refnames.branch_sha(git, base)
        merged = spec.merge_commit_sha if spec.state == "merged" else None
        for sha in (head_sha, base_sha, *((merged,) if merged else ())):
            if sha is None or git.info(sha) is None:
                raise InvalidError(f"pull request {spec.title!r}: the repository has no commit {sha}")
        if spec.state == "open" and merge_base(git, str(base_sha), str(head_sha)) in {None, head_sha}:
            raise InvalidError(f"pull request {spec.title!r}: {spec.head} has nothing that {base} has not")
        issue = issues.by_id(self.tx, self._issue(spec))
        author = self._person(spec.author)
        pull_id = self.tx.insert(
            "pull",
            issue_id=issue.id,
            repo_id=self.repo_id,
            number=issue.number,
            head_repo_id=self.repo_id,
            head_owner_id=self.owner.id,
            head_ref=spec.head,
            head_sha=head_sha,
            head_pusher_id=author,
            base_ref=base,
            base_sha=base_sha,
            draft=spec.draft,
            merged_at=self.at if merged else None,
            merged_by_id=author if merged else None,
            merge_commit_sha=merged,
        )
        self._verdicts().of_pull(pull_id, str(head_sha), spec)
        if spec.state == "open":
            tried_in(self.tx, git, pulls.by_id(self.tx, pull_id))
        else:
            git.run("update-ref", head_ref(issue.number), str(head_sha))
