"""Registering an App from a manifest: GitHub's flow of a form, a code in a redirect, and its conversion.

docs.github.com, "Registering a GitHub App from a manifest". The form is sent with a credential, since the forge's pages have no login.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

from localforge.access import OF_INTEGRATIONS
from localforge.apps.registering import Blueprint, register
from localforge.body import Body
from localforge.call import Answer, Call, created, redirect
from localforge.errors import BadRequestError, ForbiddenError, InvalidError, NotFoundError
from localforge.json_types import Json, decode
from localforge.moment import from_epoch, to_epoch
from localforge.operations import Area
from localforge.render import apps as render
from localforge.rest.orgs import organization
from localforge.store import accounts, apps
from localforge.store.accounts import Account

area = Area()

CODE_LIFE = 3600


@area("POST", "/settings/apps/new", "settings/apps/new", page=True, login=True)
def submit(call: Call) -> Answer:
    """A manifest for an App of the caller's own."""
    return _submitted(call, call.actor.account)


@area(
    "POST", "/organizations/{org}/settings/apps/new", "organizations/settings/apps/new", page=True, login=True
)
def submit_for_org(call: Call) -> Answer:
    """A manifest for an App of an organization, by one of its owners."""
    org = organization(call)
    if accounts.member_role(call.db, org.id, call.actor.account.id) != "admin":
        raise NotFoundError
    return _submitted(call, org)


@area("POST", "/app-manifests/{code}/conversions", "apps/create-from-manifest")
def convert(call: Call) -> Answer:
    """The App, with its key and secrets, which are told here alone; a code works once."""
    waiting = apps.manifest(call.db, call.params["code"])
    if waiting is None or waiting.expires_at <= call.forge.clock():
        raise NotFoundError
    owner = accounts.by_id(call.db, waiting.owner_id)
    wanted = _blueprint(waiting.manifest)
    registered = register(call.forge, owner, wanted)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM app_manifest WHERE id = ?", waiting.id)
    return created(
        {
            **render.own_app(call.view, registered.app),
            "client_secret": secrets.token_hex(20),
            "webhook_secret": wanted.webhook_secret or None,
            "pem": registered.private_key,
        }
    )


def _submitted(call: Call, owner: Account) -> Answer:
    """Keep the manifest, and lead back to where it came from, with a code."""
    if call.actor.installation:
        raise ForbiddenError(OF_INTEGRATIONS)
    form = {name: values[-1] for name, values in parse_qs(call.content.decode("utf-8", "replace")).items()}
    try:
        manifest = decode(form.get("manifest", ""))
    except ValueError as error:
        raise BadRequestError("The manifest is not JSON.") from error
    if not isinstance(manifest, Mapping):
        raise BadRequestError("The manifest is not a JSON object.")
    _blueprint(manifest)
    back = Body(manifest).text("redirect_url")
    if urlsplit(back).scheme not in {"http", "https"}:
        raise InvalidError("redirect_url is not a valid URL")
    code = secrets.token_hex(20)
    ends = from_epoch(to_epoch(call.forge.clock()) + CODE_LIFE)
    with call.forge.store.write() as tx:
        tx.insert("app_manifest", code=code, owner_id=owner.id, manifest=manifest, expires_at=ends)
    state = call.query.get("state")
    joint = "&" if urlsplit(back).query else "?"
    return redirect(f"{back}{joint}{urlencode({'code': code, **({'state': state} if state else {})})}")


def _blueprint(manifest: Mapping[str, Json]) -> Blueprint:
    """What the manifest asks for; its webhook gets a secret of its own."""
    body = Body(manifest)
    permissions, hook = body.object("default_permissions"), body.object("hook_attributes")
    active = bool(hook) and (hook.maybe_flag("active") if hook else None) is not False
    return Blueprint(
        name=body.text("name"),
        permissions={name: permissions.text(name) for name in permissions.values} if permissions else {},
        events=body.texts("default_events") or (),
        description=body.maybe_text("description"),
        external_url=body.text("url"),
        webhook_url=hook.text("url") if hook and active else None,
        webhook_secret=secrets.token_hex(20) if hook and active else "",
    )
