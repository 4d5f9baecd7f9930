"""What an App asks about itself, with its JSON web token, and the tokens that it is given."""

from localforge import refs
from localforge.access import find_repo
from localforge.apps.registering import suspend, uninstall
from localforge.apps.suites import ask
from localforge.apps.tokens import Wish, mint
from localforge.body import Body
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import ForbiddenError, InvalidError, MovedError, NotFoundError, UnauthorizedError
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render import apps as render
from localforge.render.repository import repository
from localforge.rest.orgs import organization
from localforge.store import accounts, apps
from localforge.store.accounts import Account
from localforge.store.apps import App, Installation

area = Area()
refs.FOLLOWERS.append(ask)

_ONE = "/app/installations/{installation_id}"
_FOR_INSTALLATIONS = "You must authenticate with an installation access token in order to {}."


@area("GET", "/app", "apps/get-authenticated", app=True)
def get_authenticated(call: Call) -> Answer:
    """The App that asks."""
    return ok(render.own_app(call.view, asking(call)))


@area("GET", "/apps/{app_slug}", "apps/get-by-slug")
def get_by_slug(call: Call) -> Answer:
    """Any App, as everybody sees it."""
    item = apps.by_slug(call.db, call.params["app_slug"])
    if item is None:
        raise NotFoundError
    return ok(render.app(call.view, item))


@area("GET", "/app/installations", "apps/list-installations", app=True)
def list_installations(call: Call) -> Answer:
    """Where the App is installed; `since` leaves out those that did not change after it."""
    view, since = call.view, call.query.get("since") or ""
    found = [item for item in apps.installations_of(call.db, asking(call).id) if item.updated_at >= since]
    return page_of(call, found).answer(lambda item: render.installation(view, item))


@area("GET", _ONE, "apps/get-installation", app=True)
def get_installation(call: Call) -> Answer:
    """One installation of the App."""
    return ok(render.installation(call.view, _own(call)))


@area("DELETE", _ONE, "apps/delete-installation", app=True)
def delete_installation(call: Call) -> Answer:
    """The App leaves the account."""
    uninstall(call.forge, _own(call), _bot(call))
    return no_content()


@area("PUT", f"{_ONE}/suspended", "apps/suspend-installation", app=True)
def suspend_installation(call: Call) -> Answer:
    """The App may do nothing there until it is let again."""
    suspend(call.forge, _own(call), _bot(call), suspended=True)
    return no_content()


@area("DELETE", f"{_ONE}/suspended", "apps/unsuspend-installation", app=True)
def unsuspend_installation(call: Call) -> Answer:
    """The App may act there again."""
    suspend(call.forge, _own(call), _bot(call), suspended=False)
    return no_content()


@area("GET", "/orgs/{org}/installation", "apps/get-org-installation", app=True)
def get_org_installation(call: Call) -> Answer:
    """The App's installation on an organization."""
    return _on(call, organization(call))


@area("GET", "/users/{username}/installation", "apps/get-user-installation", app=True)
def get_user_installation(call: Call) -> Answer:
    """The App's installation on an account."""
    return _on(call, accounts.by_login(call.db, call.params["username"]))


@area("GET", "/repos/{owner}/{repo}/installation", "apps/get-repo-installation", app=True)
def get_repo_installation(call: Call) -> Answer:
    """The App's installation that reaches a repository."""
    repo, moved = find_repo(call.db, call.params["owner"], call.params["repo"])
    item = apps.installed_on(call.db, asking(call).id, repo.owner_id)
    if item is None or not apps.covers(call.db, item, repo.id, repo.owner_id):
        raise NotFoundError
    if moved:
        raise MovedError(f"{call.urls.repo_by_id(repo.id)}/installation", status=301)
    return ok(render.installation(call.view, item))


@area("GET", "/orgs/{org}/installations", "orgs/list-app-installations", login=True)
def list_org_installations(call: Call) -> Answer:
    """The Apps on an organization, for its owners."""
    org, view = organization(call), call.view
    here = call.actor.installation
    reads = here is not None and here.account_id == org.id and _permits(call, "organization_administration")
    if not reads and accounts.member_role(call.db, org.id, call.actor.account.id) != "admin":
        raise NotFoundError
    page = page_of(call, apps.installations_on(call.db, org.id))
    return page.wrapped("installations", lambda item: render.installation(view, item))


@area("POST", f"{_ONE}/access_tokens", "apps/create-installation-access-token", app=True)
def create_token(call: Call) -> Answer:
    """A token for an hour, with all that the installation has or less."""
    item, body = _own(call), call.body
    ids = body.items("repository_ids")
    if not all(isinstance(entry, int) for entry in ids or ()):
        raise InvalidError("Invalid request.\n\nFor 'properties/repository_ids', an entry is not an integer.")
    wish = Wish(
        permissions=_permissions(body),
        names=body.texts("repositories"),
        ids=None if ids is None else [entry for entry in ids if isinstance(entry, int)],
    )
    return created(render.minted(call.view, item, mint(call.forge, asking(call), item, wish)))


@area("DELETE", "/installation/token", "apps/revoke-installation-access-token", login=True)
def revoke_token(call: Call) -> Answer:
    """The token that asks ends now."""
    credential = call.actor.credential
    if credential is None or credential.installation is None:
        raise ForbiddenError(_FOR_INSTALLATIONS.format("revoke it"))
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM token WHERE id = ?", credential.token_id)
    return no_content()


@area("GET", "/installation/repositories", "apps/list-repos-accessible-to-installation", login=True)
def list_repositories(call: Call) -> Answer:
    """The repositories that the token reaches."""
    credential = call.actor.credential
    if credential is None or credential.installation is None:
        raise ForbiddenError(_FOR_INSTALLATIONS.format("list repositories for an installation"))
    item, view = credential.installation, call.view
    found = [repo for repo in apps.repositories(call.db, item) if credential.reaches(repo)]
    page = page_of(call, found)
    return ok(
        {
            "total_count": page.total,
            "repository_selection": item.selection,
            "repositories": [repository(view, repo) for repo in page.items],
        },
        headers=page.headers,
    )


def asking(call: Call) -> App:
    """The App that asks; its operation takes nobody else."""
    if call.actor.app is None:
        raise UnauthorizedError
    return call.actor.app


def _own(call: Call) -> Installation:
    item = apps.installation(call.db, call.number("installation_id"))
    if item is None or item.app_id != asking(call).id:
        raise NotFoundError
    return item


def _on(call: Call, account: Account | None) -> Answer:
    item = apps.installed_on(call.db, asking(call).id, account.id) if account else None
    if item is None:
        raise NotFoundError
    return ok(render.installation(call.view, item))


def _bot(call: Call) -> Account:
    return accounts.by_id(call.db, asking(call).bot_id)


def _permits(call: Call, permission: str) -> bool:
    return call.actor.credential is not None and permission in call.actor.credential.permissions


def _permissions(body: Body) -> dict[str, str] | None:
    wanted = body.object("permissions")
    return None if wanted is None else {name: wanted.text(name) for name in wanted.values}
