"""A description as a whole: names that nobody has, things said twice, commits that cannot be."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from localforge.actions.sources import ACCESS
from localforge.errors import InvalidError
from localforge.git import refnames
from localforge.git.directory import GitError, find
from localforge.git.edit import malformed
from localforge.repositories import CHOICES, DEFAULT_BRANCH, SWITCHES, check_name
from localforge.seeding.model import Description, Issue, Organization, Pull, Repository, User
from localforge.seeding.reading import Mistake, Place, nearest
from localforge.store.issues import DEFAULT_LABELS

_VARIABLE = re.compile(r"(?!github_)[a-z_][a-z0-9_]*", re.IGNORECASE)
SETTINGS = (*SWITCHES, *CHOICES, ACCESS)
_DEFAULT_LABELS = tuple(name for name, _, _ in DEFAULT_LABELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One repository to be: where it is described, and what its branches are called."""

    place: Place
    spec: Repository
    default_branch: str
    branches: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is there before: logins and `owner/name`, in lower case."""

    logins: frozenset[str]
    repositories: frozenset[str]


def plots(description: Description, folder: Path) -> list[Plot]:
    """Every repository, `repeat`ed ones numbered; clones are asked for their branches."""
    found = []
    for index, spec in enumerate(description.repositories):
        place: Place = ("repositories", index)
        default, branches = _branches(spec, folder)
        for number in range(1, spec.repeat + 1):
            own = spec if spec.repeat == 1 else _numbered(spec, number)
            found.append(Plot(place=place, spec=own, default_branch=default, branches=branches))
    return found


def issues_of(spec: Repository) -> list[Issue]:
    """Every issue, `repeat`ed ones numbered."""
    found: list[Issue] = []
    for issue in spec.issues:
        if issue.repeat == 1:
            found.append(issue)
        else:
            found += [
                replace(
                    issue,
                    title=issue.title.replace("{n}", str(number)),
                    body=issue.body and issue.body.replace("{n}", str(number)),
                )
                for number in range(1, issue.repeat + 1)
            ]
    return found


def mistakes(
    description: Description, ready: Sequence[Plot], known: Known, folder: Path
) -> Iterator[Mistake]:
    """Everything that stands against planting the description beside what is known."""
    people = {user.login.casefold() for user in description.users} | known.logins
    owners = people | {org.login.casefold() for org in description.organizations}
    yield from _accounts(description, people, known)
    seen = set(known.repositories)
    checked: set[Place] = set()
    for plot in ready:
        name = plot.spec.name.casefold()
        if name in seen:
            words = f"{plot.spec.name} is there already" + (
                ": write {n} where its number goes" if plot.spec.repeat > 1 else ""
            )
            yield Mistake(place=(*plot.place, "name"), words=words)
        seen.add(name)
        if plot.place not in checked:
            checked.add(plot.place)
            yield from _repository(plot, people, owners, folder)
            yield from _team_names(plot, description)


def _team_names(plot: Plot, description: Description) -> Iterator[Mistake]:
    owner = plot.spec.name.partition("/")[0]
    org = next((org for org in description.organizations if org.login == owner), None)
    known = [team.name for team in org.teams] if org else []
    for name in plot.spec.teams:
        if name not in known:
            words = f"{owner} has no team {name}{nearest(name, known)}"
            yield Mistake(place=(*plot.place, "teams", name), words=words)
    for name in plot.spec.variables:
        if not _VARIABLE.fullmatch(name):
            words = "a variable's name has letters, digits and underscores, and begins with no digit and not with GITHUB_"
            yield Mistake(place=(*plot.place, "variables", name), words=words)


def _numbered(spec: Repository, number: int) -> Repository:
    text = str(number)
    return replace(
        spec,
        name=spec.name.replace("{n}", text),
        description=spec.description and spec.description.replace("{n}", text),
    )


def _branches(spec: Repository, folder: Path) -> tuple[str, frozenset[str]]:
    default = spec.default_branch or DEFAULT_BRANCH
    there = set(spec.branches)
    if spec.clone is not None:
        try:
            source = find(folder / spec.clone)
            there |= {
                ref.name.removeprefix(refnames.BRANCH) for ref in refnames.refs(source, refnames.BRANCH)
            }
            default = spec.default_branch or source.text("symbolic-ref", "--short", "HEAD")
        except (GitError, OSError):
            pass  # said by `_content`
    elif spec.files or spec.folder:
        there.add(default)
    return default, frozenset(there)


def _accounts(description: Description, people: set[str], known: Known) -> Iterator[Mistake]:
    seen = set(known.logins)
    groups: Mapping[str, Sequence[User | Organization]] = {
        "users": description.users,
        "organizations": description.organizations,
    }
    for kind, entries in groups.items():
        for index, entry in enumerate(entries):
            place = (kind, index, "login")
            if not entry.login.replace("-", "").isalnum() or not entry.login.isascii():
                yield Mistake(place=place, words="a login has letters, digits and hyphens")
            if entry.login.casefold() in seen:
                yield Mistake(place=place, words=f"there is an account {entry.login} already")
            seen.add(entry.login.casefold())
    for index, org in enumerate(description.organizations):
        yield from _people(("organizations", index, "members"), org.members, people)
        yield from _teams(("organizations", index, "teams"), org, people)
        if "admin" not in org.members.values():
            yield Mistake(place=("organizations", index, "members"), words="one member must be admin")


def slug(team: str) -> str:
    """A team's name in addresses."""
    return "-".join(team.lower().split())


def _teams(place: Place, org: Organization, people: set[str]) -> Iterator[Mistake]:
    before: list[str] = []
    for index, team in enumerate(org.teams):
        yield from _people((*place, index, "members"), team.members, people)
        if slug(team.name) in map(slug, before):
            yield Mistake(place=(*place, index, "name"), words=f"there is a team {team.name} already")
        if team.parent is not None and team.parent not in before:
            words = f"no team {team.parent} is described before{nearest(team.parent, before)}"
            yield Mistake(place=(*place, index, "parent"), words=words)
        before.append(team.name)


def _people(place: Place, logins: Iterable[str | None], people: set[str]) -> Iterator[Mistake]:
    for index, login in enumerate(logins):
        if login is not None and login.casefold() not in people:
            own = (*place, login) if place[-1] in {"members", "collaborators"} else place
            own = (*place, index) if place[-1] == "assignees" or "teams" in place else own
            yield Mistake(place=own, words=f"there is no user {login}{nearest(login, people)}")


def _repository(plot: Plot, people: set[str], owners: set[str], folder: Path) -> Iterator[Mistake]:
    spec, place = plot.spec, plot.place
    owner, slash, name = spec.name.partition("/")
    if not slash or owner.casefold() not in owners:
        words = f"there is no account {owner}{nearest(owner, owners)}" if slash else "must be owner/name"
        yield Mistake(place=(*place, "name"), words=words)
    try:
        check_name(name)
    except InvalidError as error:
        yield Mistake(place=(*place, "name"), words=str(error.errors[0]))
    if spec.repeat < 1:
        yield Mistake(place=(*place, "repeat"), words="must be 1 or more")
    yield from _content(plot, folder)
    yield from _people((*place, "collaborators"), spec.collaborators, people)
    for key in spec.settings:
        if key not in SETTINGS:
            words = f"unknown setting{nearest(key, SETTINGS)}"
            yield Mistake(place=(*place, "settings", key), words=words)
    for index, hook in enumerate(spec.hooks):
        if urlsplit(hook.url).scheme not in {"http", "https"}:
            yield Mistake(place=(*place, "hooks", index, "url"), words="must begin with http:// or https://")
    for branch in spec.protection:
        yield from _branch(plot, (*place, "protection", branch), branch)
    yield from _conversations(plot, people)
    yield from _releases(plot, people)


def _content(plot: Plot, folder: Path) -> Iterator[Mistake]:
    spec, place = plot.spec, plot.place
    given = [key for key in ("files", "folder", "clone") if getattr(spec, key) is not None]
    if len(given) > 1:
        yield Mistake(place=(*place, given[1]), words=f"a repository has {given[0]} or {given[1]}, not both")
    if spec.folder is not None and not (folder / spec.folder).is_dir():
        yield Mistake(place=(*place, "folder"), words=f"{folder / spec.folder} is no folder")
    if spec.clone is not None:
        try:
            find(folder / spec.clone)
        except (GitError, OSError):
            yield Mistake(place=(*place, "clone"), words=f"{folder / spec.clone} is no git clone")
    for name in spec.files or ():
        if malformed(name):
            yield Mistake(place=(*place, "files", name), words="git takes no such path")
    yield from _described_branches(plot)


def _described_branches(plot: Plot) -> Iterator[Mistake]:
    for name, branch in plot.spec.branches.items():
        own = (*plot.place, "branches", name)
        if not refnames.valid(refnames.BRANCH + name):
            yield Mistake(place=own, words="git takes no branch of this name")
        if any(other.startswith(f"{name}/") for other in plot.branches):
            yield Mistake(place=own, words="another branch lies below this name")
        if branch.on is not None or plot.default_branch not in plot.branches:
            yield from _branch(plot, (*own, "on"), branch.on or plot.default_branch)
        bad = next((path for path in branch.files if malformed(path)), None)
        if bad is not None:
            yield Mistake(place=(*own, "files", bad), words="git takes no such path")


def _branch(plot: Plot, place: Place, name: str) -> Iterator[Mistake]:
    if name not in plot.branches:
        yield Mistake(place=place, words=f"there is no branch {name}{nearest(name, plot.branches)}")


def _conversations(plot: Plot, people: set[str]) -> Iterator[Mistake]:
    spec = plot.spec
    labels = {name.casefold() for name in (*_DEFAULT_LABELS, *(label.name for label in spec.labels))}
    titles = {milestone.title for milestone in spec.milestones}
    numbers: set[int] = set()
    groups: Mapping[str, Sequence[Issue | Pull]] = {
        "issues": spec.issues,
        "pull_requests": spec.pull_requests,
    }
    for kind, entries in groups.items():
        for index, entry in enumerate(entries):
            place = (*plot.place, kind, index)
            yield from _conversation(place, entry, people, labels, titles)
            if entry.number is not None and (entry.number in numbers or entry.number < 1):
                yield Mistake(place=(*place, "number"), words=f"#{entry.number} is taken")
            numbers |= {entry.number} if entry.number is not None else set()
            if isinstance(entry, Pull):
                yield from _pull(plot, place, entry)
                for number, review in enumerate(entry.reviews):
                    yield from _people((*place, "reviews", number, "author"), [review.author], people)


def _conversation(
    place: Place, entry: Issue | Pull, people: set[str], labels: set[str], titles: set[str]
) -> Iterator[Mistake]:
    yield from _people((*place, "author"), [entry.author], people)
    yield from _people((*place, "assignees"), entry.assignees, people)
    for number, comment in enumerate(entry.comments):
        yield from _people((*place, "comments", number, "author"), [comment.author], people)
    for number, label in enumerate(entry.labels):
        if label.casefold() not in labels:
            words = f"there is no label {label}{nearest(label, labels)}"
            yield Mistake(place=(*place, "labels", number), words=words)
    if entry.milestone is not None and entry.milestone not in titles:
        words = f"there is no milestone {entry.milestone}{nearest(entry.milestone, titles)}"
        yield Mistake(place=(*place, "milestone"), words=words)
    if isinstance(entry, Issue) and entry.repeat > 1 and entry.number is not None:
        yield Mistake(place=(*place, "number"), words="repeated issues are numbered by themselves")


def _releases(plot: Plot, people: set[str]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, release in enumerate(plot.spec.releases):
        place = (*plot.place, "releases", index)
        yield from _people((*place, "author"), [release.author], people)
        if not refnames.valid(refnames.TAG + release.tag):
            yield Mistake(place=(*place, "tag"), words="git takes no tag of this name")
        if release.tag in seen:
            yield Mistake(place=(*place, "tag"), words=f"there is a release {release.tag} already")
        seen.add(release.tag)


def _pull(plot: Plot, place: Place, pull: Pull) -> Iterator[Mistake]:
    if pull.state == "open" or pull.head_sha is None:
        yield from _branch(plot, (*place, "head"), pull.head)
    if pull.state == "open":
        yield from _branch(plot, (*place, "base"), pull.base or plot.default_branch)
        if pull.head == (pull.base or plot.default_branch):
            yield Mistake(place=(*place, "head"), words="a branch is not proposed to itself")
    if pull.state == "merged" and None in {pull.head_sha, pull.base_sha, pull.merge_commit_sha}:
        words = "what was merged says head_sha, base_sha and merge_commit_sha"
        yield Mistake(place=(*place, "state"), words=words)
