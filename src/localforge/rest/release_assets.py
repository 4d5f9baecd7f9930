"""Files of releases: uploaded, listed, described, renamed, downloaded, removed.

What GitHub has at a host of its own for uploads is here at the API's own address, as `upload_url` says.
"""

import secrets

from localforge import assets as files
from localforge.assets import LARGEST, Sent, check_name, settled_name
from localforge.call import Answer, Call, created, no_content, ok, redirect
from localforge.errors import BadRequestError, ForgeError, NotFoundError, field_error
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.releases import asset as render
from localforge.render.releases import download_url
from localforge.rest.releases import found_release
from localforge.signing import check, signed
from localforge.store import assets, releases
from localforge.store.assets import Asset
from localforge.store.releases import Release

area = Area()

_OF_RELEASE = "/repos/{owner}/{repo}/releases/{release_id}/assets"
_ONE = "/repos/{owner}/{repo}/releases/assets/{asset_id}"
_PAGES = "/{owner}/{repo}/releases"
_FOLDER = "_assets"
_BYTES = "application/octet-stream"


@area("GET", _OF_RELEASE, "repos/list-release-assets", needs="contents:read")
def list_assets(call: Call) -> Answer:
    """The release's files, in the order in which they came."""
    item, view = found_release(call, call.number("release_id")), call.view
    return page_of(call, assets.of_release(call.db, item.id)).answer(
        lambda row: render(view, call.repo, item, row)
    )


@area(
    "POST",
    _OF_RELEASE,
    "repos/upload-release-asset",
    needs="contents:write",
    body_limit=LARGEST,
)
def upload(call: Call) -> Answer:
    """Add the body as a file; its name, label and media type are said beside it."""
    try:
        return _uploaded(call)
    except ForgeError as error:
        error.request_id = secrets.token_hex(16).upper()
        raise


@area("GET", _ONE, "repos/get-release-asset", needs="contents:read")
def get(call: Call) -> Answer:
    """What is known of the file; where its bytes are, for whoever accepts bytes."""
    item, row = _found(call)
    if call.headers.get("accept", "").startswith(_BYTES):
        return _download(call, row)
    return ok(render(call.view, call.repo, item, row))


@area("PATCH", _ONE, "repos/update-release-asset", needs="contents:write")
def update(call: Call) -> Answer:
    """Give it another name or label."""
    item, row = _found(call)
    body = call.body
    given = body.maybe_text("name")
    name = settled_name(given) if given else row.name
    label = body.maybe_text("label") if "label" in body else row.label
    with call.forge.store.write() as tx:
        check_name(tx, item.id, name, mine=row.id)
        tx.update("release_asset", row.id, name=name, label=label, updated_at=call.forge.clock())
    return ok(render(call.view, call.repo, *_found(call)))


@area("DELETE", _ONE, "repos/delete-release-asset", needs="contents:write")
def delete(call: Call) -> Answer:
    """Remove the file."""
    _, row = _found(call)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM release_asset WHERE id = ?", row.id)
    files.drop(call.forge, [row])
    return no_content()


@area("GET", f"{_PAGES}/download/{{tag*}}/{{name}}", "page/asset", needs="contents:read", page=True)
def from_page(call: Call) -> Answer:
    """`browser_download_url`."""
    item = releases.of_tag(call.db, call.repo.id, call.params["tag"])
    row = assets.named(call.db, item.id, call.params["name"]) if item else None
    if row is None:
        raise NotFoundError
    return _download(call, row)


@area("GET", f"{_PAGES}/latest/download/{{name}}", "page/latest-asset", needs="contents:read", page=True)
def from_latest(call: Call) -> Answer:
    """The same file of whatever release is the latest."""
    item = releases.latest(call.db, call.repo.id)
    row = assets.named(call.db, item.id, call.params["name"]) if item else None
    if item is None or row is None:
        raise NotFoundError
    return redirect(download_url(call.view, call.repo, item, row))


@area("GET", f"/{_FOLDER}/{{expires}}/{{signature}}/{{asset_id}}", "assets/serve", page=True)
def serve(call: Call) -> Answer:
    """The bytes, to be saved and never shown: whoever may write a release does not speak for the forge."""
    check(_FOLDER, call.params["expires"], call.params["signature"], call.params["asset_id"])
    row = assets.by_id(call.db, call.number("asset_id"))
    if row is None:
        raise NotFoundError
    return Answer(
        status=200,
        content=files.path(call.forge, row.id).read_bytes(),
        media_type=row.content_type,
        headers=(
            ("content-disposition", f'attachment; filename="{row.name}"'),
            ("x-content-type-options", "nosniff"),
        ),
    )


def _uploaded(call: Call) -> Answer:
    item = found_release(call, call.number("release_id"))
    name, content_type = call.query.get("name"), call.headers.get("content-type")
    if "content-length" not in call.headers and not call.content:
        raise BadRequestError("Bad Content-Length: ")
    if not name:
        raise field_error("ReleaseAsset", "name", "missing_field")
    if not content_type:
        raise field_error("ReleaseAsset", "content_type", "missing_field")
    sent = Sent(
        uploader_id=call.actor.account.id,
        name=settled_name(name),
        label=call.query.get("label"),
        content_type=content_type,
        content=call.content,
    )
    shown = render(call.view, call.repo, item, files.keep(call.forge, item, sent))
    return created(shown, location=str(shown["url"]))


def _found(call: Call) -> tuple[Release, Asset]:
    row = assets.by_id(call.db, call.number("asset_id"))
    if row is None or row.repo_id != call.repo.id:
        raise NotFoundError
    return found_release(call, row.release_id), row


def _download(call: Call, row: Asset) -> Answer:
    """Where the bytes are, for a minute; it counts as a download."""
    with call.forge.store.write() as tx:
        assets.count_download(tx, row.id)
    return redirect(f"{call.urls.origin}/{signed(_FOLDER, str(row.id))}")
