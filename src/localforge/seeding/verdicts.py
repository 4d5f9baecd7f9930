"""Described releases, reviews and statuses as rows: what people and their tools have said of commits."""

from collections.abc import Callable
from dataclasses import dataclass

from localforge.errors import InvalidError
from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.objects import commit
from localforge.seeding.model import Pull, Release, Repository
from localforge.store.database import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """One repository's. `person` gives the account of a login, or of whoever is not named."""

    forge: Forge
    tx: Tx
    at: str
    repo_id: int
    person: Callable[[str | None], int]

    def releases(self, spec: Repository) -> None:
        """Write the releases, the first described the oldest; InvalidError where there is nothing to tag."""
        git = self.forge.git(self.repo_id)
        branch = refnames.head_branch(git)
        for entry in spec.releases:
            ref = refnames.TAG + entry.tag
            sha = refnames.commit_sha(git, ref) or refnames.branch_sha(git, branch)
            made = commit(git, sha) if sha else None
            if made is None:
                raise InvalidError(f"release {entry.tag}: the default branch has no commit to tag")
            if not entry.draft and refnames.ref(git, ref) is None:
                git.run("update-ref", ref, made.sha)
            self._release(entry, branch, made.committer.date)

    def of_pull(self, pull_id: int, head_sha: str, spec: Pull) -> None:
        """Write the reviews and statuses of a pull request's head."""
        for review in spec.reviews:
            self.tx.insert(
                "review",
                repo_id=self.repo_id,
                pull_id=pull_id,
                author_id=self.person(review.author),
                state=review.state.upper(),
                body=review.body,
                commit_sha=head_sha,
                created_at=self.at,
                submitted_at=self.at,
            )
        for context, state in spec.statuses.items():
            self.tx.insert(
                "commit_status",
                repo_id=self.repo_id,
                sha=head_sha,
                context=context,
                state=state,
                creator_id=self.person(None),
                created_at=self.at,
            )

    def _release(self, entry: Release, branch: str, committed_at: str) -> None:
        self.tx.insert(
            "release",
            repo_id=self.repo_id,
            author_id=self.person(entry.author),
            tag=entry.tag,
            target=branch,
            name=entry.name,
            body=entry.body,
            draft=entry.draft,
            prerelease=entry.prerelease,
            latest=True,
            created_at=committed_at,
            published_at=None if entry.draft else self.at,
        )
