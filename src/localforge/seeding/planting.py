"""A description becomes rows and repositories: all of it in one transaction, or nothing."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localforge.errors import InvalidError
from localforge.forge import Forge
from localforge.git.directory import GitError
from localforge.git.objects import Ident
from localforge.git.statistics import by_language, size_kb
from localforge.json_types import Json
from localforge.moment import to_epoch
from localforge.protection import Check, RequiredChecks, RequiredReviews, Rules
from localforge.render.commits import ident_of
from localforge.seeding import alerts, checking, history
from localforge.seeding.checking import Known, Plot, slug
from localforge.seeding.conversations import Conversations
from localforge.seeding.ground import Files, Ground
from localforge.seeding.model import Description, Protection, Team
from localforge.seeding.reading import DescriptionError, Source, spelled
from localforge.store import accounts, teams, variables
from localforge.store.accounts import Account
from localforge.store.database import Db, Tx
from localforge.store.variables import Variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """How much there is now."""

    users: int
    organizations: int
    repositories: int
    issues: int
    pull_requests: int


def plant(forge: Forge, source: Source) -> Planted:
    """Plant a description that was read from a file; DescriptionError with its mistakes otherwise."""
    folder = source.path.parent
    ready = checking.plots(source.description, folder)
    source.refuse(checking.mistakes(source.description, ready, known(forge.store.db), folder))
    return _plant(forge, source.description, ready, folder)


def plant_described(forge: Forge, description: Description) -> Planted:
    """Plant a description that has no file."""
    ready = checking.plots(description, Path())
    found = [
        f"{spelled(mistake.place)}: {mistake.words}"
        for mistake in checking.mistakes(description, ready, known(forge.store.db), Path())
    ]
    if found:
        raise DescriptionError("\n".join(found))
    return _plant(forge, description, ready, Path())


def known(db: Db) -> Known:
    """What the forge holds already."""
    names = db.column(
        str,
        "SELECT account.login || '/' || repository.name FROM repository"
        " JOIN account ON account.id = repository.owner_id",
    )
    return Known(
        logins=frozenset(login.casefold() for login in db.column(str, "SELECT login FROM account")),
        repositories=frozenset(name.casefold() for name in names),
    )


def _plant(forge: Forge, description: Description, ready: Sequence[Plot], folder: Path) -> Planted:
    made: list[Path] = []
    try:
        with forge.store.write() as tx:
            planter = _Planter(forge=forge, tx=tx, at=forge.clock(), folder=folder, made=made)
            planter.accounts(description)
            for plot in ready:
                planter.repository(plot)
            if description.history is not None:
                planter.history(folder / description.history)
            os.sync()  # once for all that was written unsynced, before the rows that tell of it
    except BaseException:
        for path in made:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise
    return Planted(
        users=len(description.users),
        organizations=len(description.organizations),
        repositories=len(ready),
        issues=planter.issues,
        pull_requests=planter.pulls,
    )


@dataclass(slots=True, kw_only=True)
class _Planter:
    forge: Forge
    tx: Tx
    at: str
    folder: Path
    made: list[Path]
    issues: int = 0
    pulls: int = 0
    people: dict[str, Account] = field(default_factory=dict)
    repositories: list[int] = field(default_factory=list)

    def accounts(self, description: Description) -> None:
        for user in description.users:
            self._account("User", user.login, {"name": user.name, "email": user.email})
        for org in description.organizations:
            columns: dict[str, Json] = {
                "name": org.name,
                "description": org.description,
                "default_role": org.default_role,
            }
            org_id = self._account("Organization", org.login, columns)
            for login, role in org.members.items():
                self.tx.insert("membership", org_id=org_id, user_id=self.account(login).id, role=role)
            for team in org.teams:
                self._team(org_id, team)

    def history(self, path: Path) -> None:
        """What happened in the described repositories, in place of what a description alone makes up."""
        for repo_id in self.repositories:
            self.tx.execute("DELETE FROM issue_event WHERE repo_id = ?", repo_id)
        history.replay(self.forge, self.tx, path, self.made)

    def _team(self, org_id: int, team: Team) -> None:
        parent = teams.by_slug(self.tx, org_id, slug(team.parent)) if team.parent is not None else None
        team_id = self.tx.insert(
            "team",
            org_id=org_id,
            parent_id=parent.id if parent else None,
            slug=slug(team.name),
            name=team.name,
            description=team.description,
            privacy="secret" if team.secret else "closed",
            created_at=self.at,
            updated_at=self.at,
        )
        for login in dict.fromkeys(team.members):
            self.tx.insert("team_member", team_id=team_id, user_id=self.account(login).id, role="member")

    def account(self, login: str) -> Account:
        found = self.people.get(login.casefold()) or accounts.by_login(self.tx, login)
        if found is None:
            raise LookupError(f"account {login}")
        self.people[login.casefold()] = found
        return found

    def _account(self, kind: str, login: str, columns: Mapping[str, Json]) -> int:
        return self.tx.insert(
            "account", login=login, kind=kind, created_at=self.at, updated_at=self.at, **columns
        )

    def repository(self, plot: Plot) -> None:
        spec = plot.spec
        owner = self.account(spec.name.partition("/")[0])
        repo_id = self.tx.insert(
            "repository",
            owner_id=owner.id,
            name=spec.name.partition("/")[2],
            private=spec.private,
            archived=spec.archived,
            description=spec.description,
            homepage=spec.homepage,
            topics=list(spec.topics),
            settings=dict(spec.settings),
            created_at=self.at,
            updated_at=self.at,
            pushed_at=self.at,
        )
        self.repositories.append(repo_id)
        ground = Ground(path=self.forge.git_path(repo_id))
        self.made.append(ground.path)
        self._content(plot, ground, ident_of(owner, to_epoch(self.at)), repo_id)
        for login, role in spec.collaborators.items():
            self.tx.insert("collaborator", repo_id=repo_id, user_id=self.account(login).id, role=role)
        for name, role in spec.teams.items():
            team = teams.by_slug(self.tx, owner.id, slug(name))
            if team:
                self.tx.insert("team_repository", team_id=team.id, repo_id=repo_id, role=role)
        for name, value in spec.variables.items():
            variables.put(self.tx, Variable, repo_id, name.upper(), value, self.at)
        for branch, rules in spec.protection.items():
            self.tx.insert("protection", repo_id=repo_id, branch=branch, rules=asdict(rules_of(rules)))
        for hook in spec.hooks:
            columns: dict[str, Json] = {**asdict(hook), "events": list(hook.events)}
            times = {"created_at": self.at, "updated_at": self.at}
            self.tx.insert("hook", repo_id=repo_id, insecure_ssl=False, **columns, **times)
        try:
            self._said(plot, repo_id, owner)
        except (GitError, InvalidError) as error:
            raise DescriptionError(f"{spec.name}: {error}") from error
        self.forge.forget(repo_id)

    def _said(self, plot: Plot, repo_id: int, owner: Account) -> None:
        """Issues, pull requests, releases and alerts."""
        conversations = Conversations(
            forge=self.forge,
            tx=self.tx,
            at=self.at,
            repo_id=repo_id,
            owner=owner,
            speaker=self._speaker(owner),
            account=self.account,
        )
        self.issues += conversations.issues(plot.spec)
        self.pulls += conversations.pulls(plot)
        conversations.releases(plot.spec)
        alerts.plant(self.forge, self.tx, repo_id, plot.spec, self.at)

    def _speaker(self, owner: Account) -> Account:
        """Who did what nobody is named for: the owner, or an organization's first administrator."""
        admins = self.tx.column(
            int,
            "SELECT min(user_id) FROM membership WHERE org_id = ? AND role = 'admin' GROUP BY org_id",
            owner.id,
        )
        return accounts.by_id(self.tx, admins[0]) if admins else owner

    def _content(self, plot: Plot, ground: Ground, who: Ident, repo_id: int) -> None:
        spec = plot.spec
        ground.prepare(plot.default_branch)
        tips: dict[str, tuple[Files, str]] = {}
        if spec.clone is not None:
            ground.fetch(self.folder / spec.clone)
        elif spec.files is not None or spec.folder is not None:
            files = (
                ground.folder(self.folder / spec.folder) if spec.folder else ground.inline(spec.files or {})
            )
            tips[plot.default_branch] = (files, ground.commit(files, spec.message, who))
        for name, branch in spec.branches.items():
            start = branch.on or plot.default_branch
            if start not in tips:
                tips[start] = (ground.files_of(start), ground.tip(start))
            tips[name] = ground.branch_off(branch, *tips[start], who)
        for name, (_, sha) in tips.items():
            ground.set_branch(name, sha)
        if (
            spec.clone is not None
            and plot.default_branch not in tips
            and plot.default_branch in plot.branches
        ):
            tips[plot.default_branch] = (ground.files_of(plot.default_branch), "")
        files = tips[plot.default_branch][0] if plot.default_branch in tips else {}
        sized = ((name, mode, ground.sizes[sha]) for name, (mode, sha) in files.items())
        size = size_kb(self.forge.git(repo_id)) if spec.clone is not None else ground.written // 1024
        self.tx.update("repository", repo_id, languages=by_language(sized), size_kb=size)


def rules_of(spec: Protection) -> Rules:
    """The rules that a description means."""
    reviews, checks = None, None
    if spec.required_reviews is not None:
        reviews = RequiredReviews(
            count=spec.required_reviews,
            dismiss_stale=spec.dismiss_stale,
            code_owners=spec.code_owners,
            last_push_approval=spec.last_push_approval,
            bypass_users=tuple(spec.bypass_users),
            dismissal_users=None if spec.dismissal_users is None else tuple(spec.dismissal_users),
        )
    if spec.required_checks is not None:
        contexts = tuple(Check(context=context) for context in spec.required_checks)
        checks = RequiredChecks(strict=spec.strict, checks=contexts)
    return Rules(
        enforce_admins=spec.enforce_admins,
        checks=checks,
        reviews=reviews,
        push_users=None if spec.push_users is None else tuple(spec.push_users),
        linear_history=spec.linear_history,
        allow_force_pushes=spec.allow_force_pushes,
        allow_deletions=spec.allow_deletions,
        block_creations=spec.block_creations,
        conversation_resolution=spec.conversation_resolution,
        lock_branch=spec.lock_branch,
        allow_fork_syncing=spec.allow_fork_syncing,
    )
