"""What an examination of a forge says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from localforge.json_types import Json

# Every code that a finding may have, with what it means.
CODES = {
    "database": "SQLite finds its file damaged, or a row that points at nothing",
    "journal": "a ref change was begun and is not settled",
    "ref": "a ref is not where the last settled change left it",
    "event": "a settled change of a branch or tag has no event, or an event cannot be read",
    "outbox": "a subscriber claims to have read events that were never written",
    "delivery": "a webhook's delivery was begun and its outcome is not recorded",
    "count": "a number that is kept beside what it counts is wrong",
    "pull": "a pull request's refs, commits or branches do not agree with its row",
    "archive": "an artifact, a cache or an asset of a release has no file",
    "commit": "a row names a commit that its repository does not have",
    "repository": "a repository has no readable git directory",
    "objects": "git finds objects missing or damaged",
    "lock": "a lock of a git process that is gone would refuse every later move",
    "leftover": "what a killed process left behind; it takes space and does no harm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement: a code of `CODES`, where it is (`owner/name`, or the database) and what is wrong."""

    code: str
    where: str
    detail: str

    @property
    def harmless(self) -> bool:
        """Whether nothing is wrong for it."""
        return self.code == "leftover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An examination's outcome."""

    repositories: int
    findings: Sequence[Finding]

    @property
    def clean(self) -> bool:
        """Whether repositories and database agree."""
        return all(finding.harmless for finding in self.findings)

    def json(self) -> dict[str, Json]:
        """The report as a document."""
        return {
            "clean": self.clean,
            "repositories": self.repositories,
            "findings": [{**asdict(finding), "harmless": finding.harmless} for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """The report in words."""
        said = [f"{finding.where}: {finding.code}: {finding.detail}" for finding in self.findings]
        wrong = sum(not finding.harmless for finding in self.findings)
        noun = "repository" if self.repositories == 1 else "repositories"
        verdict = "clean" if self.clean else f"{wrong} to mend (start the forge, or fsck --repair)"
        return [*said, f"{self.repositories} {noun}: {verdict}"]
