"""One repository: its git directory against its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localforge.forge import Forge
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.integrity.findings import Finding
from localforge.integrity.recovery import locks
from localforge.pulls.testmerge import head_ref, merge_ref
from localforge.store import issues
from localforge.store.database import Db
from localforge.store.pulls import Pull

# Rows that name a commit: what they are, and the query for its shas.
_NAMED = {
    "a pull request's head": "SELECT head_sha FROM pull WHERE repo_id = ?",
    "a pull request's base": "SELECT base_sha FROM pull WHERE repo_id = ?",
    "a merge": "SELECT merge_commit_sha FROM pull WHERE repo_id = ? AND merge_commit_sha IS NOT NULL",
    "a test merge": "SELECT merge_sha FROM test_merge WHERE repo_id = ? AND merge_sha IS NOT NULL",
    "a status": "SELECT sha FROM commit_status WHERE repo_id = ?",
    "a check suite": "SELECT head_sha FROM check_suite WHERE repo_id = ?",
    "a workflow run": "SELECT sha FROM workflow_run WHERE repo_id = ?",
    "an analysis": "SELECT commit_sha FROM code_analysis WHERE repo_id = ?",
    "a review": "SELECT commit_sha FROM review WHERE repo_id = ?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The repository under examination; `expected`: where the journal left its refs."""

    forge: Forge
    id: int
    name: str
    expected: Mapping[str, str]

    @property
    def git(self) -> GitDir:
        """Its git directory, read by processes that end with the command."""
        return GitDir(self.forge.git_path(self.id))

    def found(self, code: str, detail: str) -> Finding:
        """A finding about it."""
        return Finding(code=code, where=self.name, detail=detail)


def examine(subject: Subject) -> Iterator[Finding]:
    """Everything that git and the rows say of one repository."""
    git = subject.git
    status, listing, errors = git.attempt("for-each-ref", "--format=%(objectname) %(refname)")
    if status:
        yield subject.found("repository", f"its git directory cannot be read: {errors.decode().strip()}")
        return
    refs = {name: sha for sha, name in (line.split(" ", 1) for line in listing.decode().splitlines())}
    yield from _objects(subject, git)
    for ref, after in subject.expected.items():
        present = refs.get(ref, "0" * 40)
        if present != after:
            yield subject.found("ref", f"{ref} is at {present}, the journal left it at {after}")
    yield from _pulls(subject, refs)
    yield from _named_commits(subject, git)
    yield from _remains(subject, git.path)


def _objects(subject: Subject, git: GitDir) -> Iterator[Finding]:
    status, said, errors = git.attempt("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
    lines = (said + errors).decode("utf-8", "replace").splitlines()
    if status:
        yield from (subject.found("objects", line) for line in lines or [f"git fsck exited {status}"])


def _pulls(subject: Subject, refs: Mapping[str, str]) -> Iterator[Finding]:
    db = subject.forge.store.db
    pulls = db.all(Pull, "SELECT * FROM pull WHERE repo_id = ? ORDER BY number", subject.id)
    known = {name for pull in pulls for name in (head_ref(pull.number), merge_ref(pull.number))}
    for name in refs:
        if name.startswith("refs/pull/") and name not in known:
            yield subject.found("pull", f"{name} belongs to no pull request")
    for pull in pulls:
        yield from (subject.found("pull", f"#{pull.number}: {detail}") for detail in _pull(db, pull, refs))
        if issues.by_id(db, pull.issue_id).state == "open" and pull.head_repo_id:
            yield from _branches(subject, pull, refs)


def _pull(db: Db, pull: Pull, refs: Mapping[str, str]) -> Iterator[str]:
    issue = issues.by_id(db, pull.issue_id)
    if (issue.repo_id, issue.number, issue.is_pull) != (pull.repo_id, pull.number, True):
        yield f"its issue is #{issue.number} of repository {issue.repo_id}"
    if refs.get(head_ref(pull.number)) != pull.head_sha:
        yield f"{head_ref(pull.number)} is at {refs.get(head_ref(pull.number))}, not at {pull.head_sha}"
    merge = refs.get(merge_ref(pull.number))
    tried = "SELECT count(*) FROM test_merge WHERE repo_id = ? AND merge_sha = ?"
    if merge and not db.count(tried, pull.repo_id, merge):
        yield f"{merge_ref(pull.number)} is at {merge}, which no test merge is"
    if pull.merged_at and not pull.merge_commit_sha:
        yield "merged, without a commit"
    if pull.merged_at and issue.state == "open":
        yield "merged and open"


def _branches(subject: Subject, pull: Pull, refs: Mapping[str, str]) -> Iterator[Finding]:
    """An open pull request has both its branches, and its head is the head branch's."""
    if refnames.BRANCH + pull.base_ref not in refs:
        yield subject.found("pull", f"#{pull.number}: open, and its base {pull.base_ref} is gone")
    own = pull.head_repo_id == pull.repo_id
    source = subject.git if own else GitDir(subject.forge.git_path(pull.head_repo_id or 0))
    name = refnames.BRANCH + pull.head_ref
    head = refs.get(name) if own else source.attempt("rev-parse", "--verify", name)[1].decode().strip()
    if head != pull.head_sha:
        detail = f"#{pull.number}: open at {pull.head_sha}, and {pull.head_ref} is at {head or 'no commit'}"
        yield subject.found("pull", detail)


def _named_commits(subject: Subject, git: GitDir) -> Iterator[Finding]:
    db = subject.forge.store.db
    named = {sha: what for what, sql in _NAMED.items() for sha in db.column(str, sql, subject.id)}
    if not named:
        return
    asked = "".join(f"{sha}\n" for sha in named).encode()
    for line in git.text("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked).splitlines():
        sha, kind = line.split()
        if kind != "commit":
            yield subject.found("commit", f"{named[sha]} is at {sha}, which is {kind}")


def _remains(subject: Subject, path: Path) -> Iterator[Finding]:
    for lock in locks(path):
        yield subject.found("lock", str(lock.relative_to(path)))
    for pattern in ("tmp_objdir-*", "*/tmp_obj_*", "pack/tmp_*"):
        for rest in (path / "objects").glob(pattern):
            yield subject.found("leftover", str(rest.relative_to(path)))
