"""Facts from what a webhook delivers, or from an example that names them: nothing else is believed of either.

A field that is there but of another type than the forge documents is not empty: it is unknown.
Source: GitHub Docs, "Webhook events and payloads"; only the fields that conditions can ask about are here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from math import nan

from penstock.core.document import Plain, nearest
from penstock.core.routing.facts import Facts, at_path, clean
from penstock.core.routing.names import EVENTS, LEVELS

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFacts:
    """What of an example or delivery cannot be taken, with the word that was probably meant."""

    key: str
    message: str
    nearest: str = ""


_SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "issues": ("issue",),
    "issue_comment": ("comment", "issue"),
    "pull_request": ("pull_request",),
    "pull_request_target": ("pull_request",),
    "pull_request_review": ("review", "pull_request"),
    "pull_request_review_comment": ("comment", "pull_request"),
    "push": (),
    "release": ("release",),
    "workflow_run": ("workflow_run",),
    "workflow_job": ("workflow_job",),
    "check_run": ("check_run",),
    "check_suite": ("check_suite",),
    "deployment_status": ("deployment_status", "deployment"),
    "code_scanning_alert": ("alert",),
    "dependabot_alert": ("alert",),
    "secret_scanning_alert": ("alert",),
}
"""What an event is about: the object that tells its author and body first, then the one it belongs to."""
_BRANCHES: Mapping[str, Path] = {
    "push": ("ref",),
    "create": ("ref",),
    "delete": ("ref",),
    "release": ("release", "target_commitish"),
    "workflow_run": ("workflow_run", "head_branch"),
    "workflow_job": ("workflow_job", "head_branch"),
    "check_run": ("check_run", "check_suite", "head_branch"),
    "check_suite": ("check_suite", "head_branch"),
    "deployment_status": ("deployment", "ref"),
    "code_scanning_alert": ("ref",),
    "repository_dispatch": ("branch",),
}
_OF_PULLS = {
    "additions": "additions",
    "deletions": "deletions",
    "files_changed": "changed_files",
    "draft": "draft",
}
_SEVERITIES: Mapping[str, tuple[Path, ...]] = {
    "code_scanning_alert": (("alert", "rule", "security_severity_level"), ("alert", "rule", "severity")),
    "dependabot_alert": (("alert", "security_advisory", "severity"),),
}
_LEVEL = {"none": "low", "note": "low", "warning": "medium", "moderate": "medium", "error": "high"}
"""Levels as CodeQL and advisories also call them."""


def facts_of(event: str, payload: Plain, now: datetime) -> Facts | NotFacts:
    """The facts of one delivery. Of a workflow run, its jobs are not in it: `job` and `status` are unknown until looked up."""
    if event not in EVENTS:
        return unknown_event(event)
    if not isinstance(payload, dict):
        return NotFacts(key="payload", message="a payload is an object")
    facts = _Wire(event, payload, now).facts()
    if event == "workflow_run":
        facts = replace(facts, unknown=facts.unknown | {"job", "status"})
    return facts


def with_jobs(facts: Facts, jobs: tuple[tuple[str, str, str], ...]) -> tuple[Facts, ...]:
    """A workflow run's variants, one for each (name, status, conclusion) of its jobs."""
    known = facts.unknown - {"job", "status"}
    return tuple(
        replace(facts, job=clean(name), status=_settled(clean(status), clean(conclusion)), unknown=known)
        for name, status, conclusion in jobs
    ) or (replace(facts, unknown=known),)


def _settled(status: str, conclusion: str) -> str:
    return conclusion if status == "completed" and conclusion else status


class _Wire:
    """Reads one payload; what is there but not as documented is noted as unknown."""

    def __init__(self, event: str, payload: dict[str, Plain], now: datetime) -> None:
        self._event, self._payload, self._now = event, payload, now
        self._about = _SUBJECTS.get(event, ())
        self._unknown: set[str] = set()

    def facts(self) -> Facts:
        self._unknown |= self._untold()
        status, conclusion = self._status()
        found = Facts(
            event=self._event,
            action=self._text("action", ("action",)),
            repo=self._text("repo", ("repository", "full_name")),
            org=self._text("org", ("organization", "login"), ("repository", "owner", "login")),
            labels=self._labels(),
            paths=self._paths(),
            branch=self._branch(),
            base=self._text("base", ("pull_request", "base", "ref")),
            author=self._author(),
            author_association=self._first("author_association", "author_association"),
            title=self._title(),
            body=self._body(),
            status=status,
            conclusion=conclusion,
            job=self._job(),
            workflow=self._text(
                "workflow", ("workflow", "name"), ("workflow_job", "workflow_name"), ("schedule",)
            ),
            severity=self._severity(),
            draft=self._flag("draft", ("pull_request", "draft"), ("release", "draft")),
            fork=self._fork(),
            age_hours=self._age(),
            files_changed=self._files_changed(),
            additions=self._number("additions", ("pull_request", "additions")),
            deletions=self._number("deletions", ("pull_request", "deletions")),
            payload=self._payload,
        )
        return only_known(replace(found, unknown=frozenset(self._unknown) & EVENTS[self._event].has))

    def _untold(self) -> set[str]:
        """What the signal has and its payload does not tell: a risk is ours, and a review's pull request is cut short."""
        pull = self._payload.get("pull_request")
        cut = {name: key for name, key in _OF_PULLS.items() if isinstance(pull, dict) and key not in pull}
        return {"risk", *cut}

    def _at(self, name: str, kind: type | tuple[type, ...], paths: tuple[Path, ...]) -> Plain:
        """The first of these that is there; what is there and of no such type makes the name unknown."""
        for path in paths:
            found = at_path(self._payload, path)
            if found is not None:
                if isinstance(found, kind) and isinstance(found, bool) is (kind is bool):
                    return found
                self._unknown.add(name)
                return None
        return None

    def _text(self, name: str, *paths: Path) -> str:
        found = self._at(name, str, paths)
        return clean(found) if isinstance(found, str) else ""

    def _first(self, name: str, key: str) -> str:
        return self._text(name, *((subject, key) for subject in self._about))

    def _flag(self, name: str, *paths: Path) -> bool:
        return self._at(name, bool, paths) is True

    def _number(self, name: str, *paths: Path) -> float:
        found = self._at(name, (int, float), paths)
        return float(found) if isinstance(found, int | float) and abs(found) < 1e15 else nan

    def _labels(self) -> tuple[str, ...]:
        found = self._at("labels", list, tuple((subject, "labels") for subject in self._about))
        names = (
            [label.get("name") if isinstance(label, dict) else label for label in found]
            if isinstance(found, list)
            else []
        )
        return self._all_texts("labels", names)

    def _all_texts(self, name: str, found: list[Plain]) -> tuple[str, ...]:
        texts = [clean(text) for text in found if isinstance(text, str)]
        if len(texts) < len(found):
            self._unknown.add(name)
        return tuple(dict.fromkeys(texts))

    def _paths(self) -> tuple[str, ...]:
        """A push and an alert name them; a pull request's are looked up (its payload only counts them)."""
        if self._event == "push":
            commits = self._at("paths", list, (("commits",),))
            kinds = ("added", "modified", "removed")
            lists = (
                [at_path(commit, (kind,)) for commit in commits for kind in kinds]
                if isinstance(commits, list)
                else []
            )
            return self._all_texts(
                "paths", [path for some in lists if isinstance(some, list) for path in some]
            )
        if self._event in {"code_scanning_alert", "dependabot_alert"}:
            places = (
                ("alert", "most_recent_instance", "location", "path"),
                ("alert", "dependency", "manifest_path"),
            )
            found = self._text("paths", *places)
            return (found,) if found else ()
        if "paths" in EVENTS[self._event].has:
            self._unknown.add("paths")
        return ()

    def _branch(self) -> str:
        path = _BRANCHES.get(self._event, ("pull_request", "head", "ref"))
        return self._text("branch", path).removeprefix("refs/heads/")

    def _author(self) -> str:
        """Who wrote what the event is about; where nothing is written, who did it."""
        written = tuple(
            (subject, key, "login")
            for subject in self._about[:1]
            for key in ("user", "author", "actor", "creator")
        )
        return self._text("author", *written, ("sender", "login"))

    def _title(self) -> str:
        if self._event == "push":
            return self._text("title", ("head_commit", "message")).partition("\n")[0]
        places = [
            (subject, key) for subject in reversed(self._about) for key in ("title", "display_title", "name")
        ]
        alert = (
            ("alert", "security_advisory", "summary"),
            ("alert", "rule", "description"),
            ("alert", "secret_type_display_name"),
        )
        return self._text("title", *places, *alert)

    def _body(self) -> str:
        advisory = (("alert", "security_advisory", "description"), ("head_commit", "message"))
        return self._text("body", *((subject, "body") for subject in self._about), *advisory)

    def _status(self) -> tuple[str, str]:
        """A run's or check's status is its conclusion once it is completed; others have a state."""
        if self._event == "status":
            state = self._text("status", ("state",))
            return state, state
        places = [(subject, key) for subject in self._about[:1] for key in ("status", "state")]
        status = self._text("status", *places).lower()
        conclusion = self._first("conclusion", "conclusion") or (
            "" if self._event != "deployment_status" else status
        )
        return _settled(status, conclusion), conclusion

    def _job(self) -> str:
        places = {
            "workflow_job": ("workflow_job", "name"),
            "check_run": ("check_run", "name"),
            "status": ("context",),
        }
        path = places.get(self._event)
        return self._text("job", path) if path else ""

    def _severity(self) -> str:
        word = self._text("severity", *_SEVERITIES.get(self._event, ())).lower()
        if self._event == "secret_scanning_alert":
            return "critical"
        level = level_of(word)
        if level is None:
            self._unknown.add("severity")
        return level or ""

    def _fork(self) -> bool:
        """Of a pull request, is its head in a fork; else, is the repository one."""
        if not self._event.startswith("pull_request"):
            return self._flag("fork", ("repository", "fork"))
        head = self._text("fork", ("pull_request", "head", "repo", "full_name"))
        return head != self._text("fork", ("pull_request", "base", "repo", "full_name"))

    def _files_changed(self) -> float:
        return (
            float(len(self._paths()))
            if self._event == "push"
            else self._number("files_changed", ("pull_request", "changed_files"))
        )

    def _age(self) -> float:
        """Hours since what the event is about was made."""
        made_at = [
            (subject, key) for subject in reversed(self._about) for key in ("created_at", "started_at")
        ]
        text = self._text("age_hours", *made_at, ("created_at",))
        if not text:
            return nan
        try:
            made = datetime.fromisoformat(text)
        except ValueError:
            self._unknown.add("age_hours")
            return nan
        aware = made if made.tzinfo else made.replace(tzinfo=UTC)
        return (self._now - aware).total_seconds() / 3600


def level_of(word: str) -> str | None:
    """A severity as conditions know it; None for a word that is none."""
    level = _LEVEL.get(word, word)
    return level if level in {"", *LEVELS} else None


def only_known(facts: Facts) -> Facts:
    """Nothing that its event does not have: what an event cannot have is what the index leaves out."""
    has = EVENTS[facts.event].has
    empty = Facts(event=facts.event)
    left = {
        one.name: getattr(empty, one.name)
        for one in fields(facts)
        if one.name not in has and one.name not in {"payload", "unknown"}
    }
    return replace(facts, **left)


def unknown_event(event: str) -> NotFacts:
    return NotFacts(
        key="event", message=f"there is no event {event!r} here", nearest=nearest(event, list(EVENTS))
    )
