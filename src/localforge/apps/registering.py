"""Registering an App and installing it: what the pages of GitHub's settings do."""

import re
import secrets
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from localforge.apps.permissions import checked
from localforge.errors import FieldError, InvalidError, field_error
from localforge.events import HookEvent, InstallationEvent
from localforge.forge import Forge
from localforge.store import accounts, apps
from localforge.store.accounts import Account
from localforge.store.apps import App, Installation
from localforge.store.database import Tx
from localforge.store.repos import Repository

_NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What somebody wants an App to be. `webhook_url` None: it is told nothing."""

    name: str
    permissions: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[str] = ()
    description: str | None = None
    external_url: str = "http://localhost"
    webhook_url: str | None = None
    webhook_secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A new App and its private key (PEM), which exists only here."""

    app: App
    private_key: str = field(repr=False)


def register(forge: Forge, owner: Account, blueprint: Blueprint) -> Registered:
    """A new App with a bot account and a key; its webhook is sent a ping. 422 when it cannot be."""
    slug = _NOT_IN_SLUGS.sub("-", blueprint.name.lower()).strip("-")
    if not slug or len(slug) > 34:
        raise field_error("Integration", "name")
    granted = checked(blueprint.permissions, blueprint.events)
    private, public = _new_key()
    with forge.store.write() as tx:
        if apps.by_slug(tx, slug) or accounts.by_login(tx, f"{slug}[bot]"):
            raise InvalidError(
                errors=(FieldError(resource="Integration", field="name", code="already_exists"),)
            )
        at = forge.clock()
        app_id = tx.insert(
            "app",
            slug=slug,
            name=blueprint.name,
            owner_id=owner.id,
            bot_id=_bot(tx, slug, at),
            description=blueprint.description,
            external_url=blueprint.external_url,
            client_id=f"Iv1.{secrets.token_hex(8)}",
            public_key=public,
            permissions=granted,
            events=list(blueprint.events),
            created_at=at,
            updated_at=at,
        )
        _hook(tx, app_id, owner, blueprint, at)
        app = apps.by_id(tx, app_id)
    if app is None:
        raise LookupError(f"app {app_id}")
    return Registered(app=app, private_key=private)


def install(
    forge: Forge, app: App, account: Account, repositories: Sequence[Repository] | None, actor: Account
) -> Installation:
    """The App on the account, with all its repositories (None) or some; again: on others. The App is told."""
    if any(repo.owner_id != account.id for repo in repositories or ()):
        raise InvalidError("An App is installed on repositories of one account.")
    with forge.store.write() as tx:
        before, at = apps.installed_on(tx, app.id, account.id), forge.clock()
        known = {repo.id for repo in apps.repositories(tx, before)} if before else set()
        selection = "all" if repositories is None else "selected"
        if before:
            tx.update("installation", before.id, selection=selection, updated_at=at)
            installation_id = before.id
        else:
            installation_id = _insert(tx, app, account, selection, at)
        _choose(tx, installation_id, repositories)
        item = apps.once_installed(tx, installation_id)
        if item is None:
            raise LookupError(f"installation {installation_id}")
        now = {repo.id for repo in apps.repositories(tx, item)}
        if not before:
            tx.emit(_told(item, actor, "created", added=now))
        if before and now - known:
            tx.emit(_told(item, actor, "added", added=now - known))
        if before and known - now:
            tx.emit(_told(item, actor, "removed", removed=known - now))
    return item


def uninstall(forge: Forge, item: Installation, actor: Account) -> None:
    """Remove the App from the account: its tokens end."""
    with forge.store.write() as tx:
        present = {repo.id for repo in apps.repositories(tx, item)}
        tx.execute("DELETE FROM token WHERE installation_id = ?", item.id)
        tx.update("installation", item.id, removed_at=forge.clock())
        tx.emit(_told(item, actor, "deleted", removed=present))


def suspend(forge: Forge, item: Installation, actor: Account, *, suspended: bool) -> None:
    """Keep the App from doing anything on the account, or let it again."""
    with forge.store.write() as tx:
        tx.update(
            "installation",
            item.id,
            suspended_at=forge.clock() if suspended else None,
            suspended_by=actor.id if suspended else None,
        )
        tx.emit(_told(item, actor, "suspend" if suspended else "unsuspend"))


def _new_key() -> tuple[str, str]:
    """A private and its public key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def _bot(tx: Tx, slug: str, at: str) -> int:
    """The account as which the App acts; its address for commits names its id, as GitHub's does."""
    login = f"{slug}[bot]"
    bot_id = tx.insert("account", login=login, kind="Bot", created_at=at, updated_at=at)
    tx.update("account", bot_id, email=f"{bot_id}+{login}@users.noreply.github.com")
    return bot_id


def _hook(tx: Tx, app_id: int, owner: Account, blueprint: Blueprint, at: str) -> None:
    hook_id = tx.insert(
        "hook",
        app_id=app_id,
        url=blueprint.webhook_url or "",
        content_type="json",
        secret=blueprint.webhook_secret,
        insecure_ssl=False,
        events=list(blueprint.events),
        active=blueprint.webhook_url is not None,
        created_at=at,
        updated_at=at,
    )
    if blueprint.webhook_url:
        tx.emit(HookEvent(repo_id=0, actor_id=owner.id, hook_id=hook_id, action="ping"))


def _insert(tx: Tx, app: App, account: Account, selection: str, at: str) -> int:
    return tx.insert(
        "installation",
        app_id=app.id,
        account_id=account.id,
        selection=selection,
        permissions=app.permissions,
        events=app.events,
        created_at=at,
        updated_at=at,
    )


def _choose(tx: Tx, installation_id: int, repositories: Sequence[Repository] | None) -> None:
    tx.execute("DELETE FROM installation_repository WHERE installation_id = ?", installation_id)
    for repo in repositories or ():
        tx.execute("INSERT OR IGNORE INTO installation_repository VALUES (?, ?)", installation_id, repo.id)


def _told(
    item: Installation,
    actor: Account,
    action: str,
    *,
    added: AbstractSet[int] = frozenset(),
    removed: AbstractSet[int] = frozenset(),
) -> InstallationEvent:
    return InstallationEvent(
        repo_id=0,
        actor_id=actor.id,
        installation_id=item.id,
        action=action,
        added=sorted(added),
        removed=sorted(removed),
    )
