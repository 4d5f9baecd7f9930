"""Code scanning: analyses uploaded as SARIF, and the alerts that they amount to."""

import base64
import binascii
import re
import uuid
import zlib

from localforge.access import Role, role_on
from localforge.call import Answer, Call, ok
from localforge.errors import BadRequestError, InvalidError, NotFoundError, TooLargeError
from localforge.git import refnames
from localforge.json_types import Json, decode
from localforge.operations import MEBIBYTE, Area
from localforge.paging import page_of
from localforge.render.scanning import code_alert, code_instance, instance_on, state_of
from localforge.scanning.analysis import Analysis, record, tell
from localforge.scanning.sarif import SarifError, runs
from localforge.store import accounts, scanning
from localforge.store.scanning import CodeAlert

area = Area()

LARGEST_UPLOAD = 10 * MEBIBYTE
LARGEST_SARIF = 100 * MEBIBYTE
REASONS = ("false positive", "won't fix", "used in tests", "mitigated")
LONGEST_COMMENT = 280
_REF = re.compile(r"refs/(heads|tags)/.+|refs/pull/[1-9][0-9]*/(merge|head)")
_ALERTS = "/repos/{owner}/{repo}/code-scanning/alerts"


@area(
    "POST",
    "/repos/{owner}/{repo}/code-scanning/sarifs",
    "code-scanning/upload-sarif",
    needs="security_events:write",
    role=Role.WRITE,
)
def upload_sarif(call: Call) -> Answer:
    """Take an analysis: gzip, then Base64. Its alerts are there at once, where GitHub takes a moment."""
    sha, ref = call.body.text("commit_sha"), call.body.text("ref")
    if not refnames.SHA.fullmatch(sha):
        raise InvalidError("commit_sha must be a full 40 character SHA")
    if not _REF.fullmatch(ref):
        raise BadRequestError("ref must begin with refs/heads/, refs/tags/ or refs/pull/")
    found = call.git.info(sha)
    if found is None or found[1] != "commit":
        raise NotFoundError("commit not found")
    try:
        checkout = call.body.maybe_text("checkout_uri") or ""
        read = runs(_unpacked(call.body.text("sarif")), checkout=checkout)
    except SarifError as error:
        raise BadRequestError(str(error)) from error
    sarif_id = str(uuid.uuid4())
    analysis = Analysis(
        repo_id=call.repo.id,
        actor_id=call.actor.account.id,
        ref=ref,
        commit_sha=sha,
        at=call.forge.clock(),
    )
    with call.forge.store.write() as tx:
        for run in read:
            record(tx, analysis, run, sarif_id)
    url = f"{call.urls.repo(call.view.full_name(call.repo))}/code-scanning/sarifs/{sarif_id}"
    return ok({"id": sarif_id, "url": url}, status=202)


@area(
    "GET",
    "/repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}",
    "code-scanning/get-sarif",
    needs="security_events:read",
    role=Role.WRITE,
)
def get_sarif(call: Call) -> Answer:
    """How far an upload is: complete, as soon as it was taken. There is no list of analyses to point to."""
    if not scanning.uploaded(call.db, call.repo.id, call.params["sarif_id"]):
        raise NotFoundError("Not Found")
    return ok({"processing_status": "complete", "analyses_url": None, "errors": None})


@area("GET", _ALERTS, "code-scanning/list-alerts-for-repo", needs="security_events:read", role=Role.WRITE)
def list_alerts(call: Call) -> Answer:
    """Alerts of a ref (the default branch's), newest first; 404 while there was no analysis."""
    if not scanning.analysed(call.db, call.repo.id):
        raise NotFoundError("no analysis found")
    ref = call.query.get("ref")
    if ref and not ref.startswith("refs/"):
        ref = refnames.BRANCH + ref
    default = refnames.BRANCH + refnames.head_branch(call.git)
    found = [
        alert for alert in scanning.of_repo(call.db, call.repo.id) if _wanted(call, alert, ref or default)
    ]
    key = "updated_at" if call.query.get("sort") == "updated" else "created_at"
    found.sort(key=lambda alert: (getattr(alert, key), alert.number))
    if call.query.get("direction") != "asc":
        found.reverse()
    return page_of(call, found).answer(lambda alert: code_alert(call.view, call.repo, alert, ref or default))


@area(
    "GET",
    _ALERTS + "/{alert_number}",
    "code-scanning/get-alert",
    needs="security_events:read",
    role=Role.WRITE,
)
def get_alert(call: Call) -> Answer:
    """One alert, as it is on the default branch."""
    return ok(code_alert(call.view, call.repo, _alert(call)))


@area(
    "GET",
    _ALERTS + "/{alert_number}/instances",
    "code-scanning/list-alert-instances",
    needs="security_events:read",
    role=Role.WRITE,
)
def list_instances(call: Call) -> Answer:
    """Where the alert was seen, the latest first; `ref` keeps those of one."""
    alert, ref = _alert(call), call.query.get("ref")
    if ref and not ref.startswith("refs/"):
        ref = refnames.BRANCH + ref
    seen = [item for item in scanning.instances(call.db, alert.id) if ref in {None, "", item.ref}]
    return page_of(call, seen).answer(lambda item: code_instance(alert, item))


@area(
    "PATCH",
    _ALERTS + "/{alert_number}",
    "code-scanning/update-alert",
    needs="security_events:write",
    role=Role.WRITE,
)
def update_alert(call: Call) -> Answer:
    """Dismiss it with a reason, open it again, or say who looks after it."""
    alert, body = _alert(call), call.body
    if "state" not in body and "assignees" not in body:
        raise BadRequestError("state or assignees must be given")
    columns: dict[str, Json] = {"updated_at": call.forge.clock()}
    action = ""
    if "state" in body:
        dismissed = body.choice("state", ("open", "dismissed")) == "dismissed"
        columns |= _dismissed(call) if dismissed else _reopened()
        if dismissed != bool(alert.dismissed_at):
            action = "closed_by_user" if dismissed else "reopened_by_user"
    if "assignees" in body:
        columns["assignees"] = _assignees(call)
    seen = instance_on(call.view, call.repo, alert)
    with call.forge.store.write() as tx:
        tx.update("code_alert", alert.id, **columns)
        if action and seen:
            analysis = Analysis(
                repo_id=call.repo.id,
                actor_id=call.actor.account.id,
                ref=seen.ref,
                commit_sha=seen.commit_sha,
                at=call.forge.clock(),
            )
            tell(tx, analysis, alert, action)
    return ok(code_alert(call.view, call.repo, _alert(call)))


def _alert(call: Call) -> CodeAlert:
    found = scanning.by_number(call.db, call.repo.id, call.number("alert_number"))
    if found is None:
        raise NotFoundError("no alert found for this number")
    return found


def _wanted(call: Call, alert: CodeAlert, ref: str) -> bool:
    seen = instance_on(call.view, call.repo, alert, ref)
    severity = {alert.rule["severity"], alert.rule["security_severity_level"]}
    asked = {name: call.query.get(name) for name in ("state", "tool_name", "tool_guid", "severity")}
    return (
        seen is not None
        and asked["state"] in {None, state_of(alert, seen)}
        and asked["tool_name"] in {None, alert.tool}
        and asked["tool_guid"] in {None, alert.tool_guid}
        and asked["severity"] in {None, *severity}
    )


def _dismissed(call: Call) -> dict[str, Json]:
    reason = call.body.maybe_text("dismissed_reason")
    comment = call.body.maybe_text("dismissed_comment")
    if reason not in REASONS:
        raise BadRequestError(f"dismissed_reason must be one of: {', '.join(REASONS)}")
    if comment is not None and len(comment) > LONGEST_COMMENT:
        raise BadRequestError(f"dismissed_comment is too long (maximum is {LONGEST_COMMENT} characters)")
    return {
        "dismissed_at": call.forge.clock(),
        "dismissed_by_id": call.actor.account.id,
        "dismissed_reason": reason,
        "dismissed_comment": comment,
    }


def _reopened() -> dict[str, Json]:
    return dict.fromkeys(("dismissed_at", "dismissed_by_id", "dismissed_reason", "dismissed_comment"))


def _assignees(call: Call) -> list[int]:
    found = []
    for login in call.body.texts("assignees") or ():
        account = accounts.by_login(call.db, login)
        if account is None or role_on(call.db, call.repo, account) < Role.WRITE:
            raise BadRequestError(f"{login[:80]} cannot be assigned to alerts of this repository")
        found.append(account.id)
    return found


def _unpacked(text: str) -> Json:
    """The document in an upload; SarifError when it is none, 413 when it is too large."""
    unzip = zlib.decompressobj(31)
    try:
        packed = base64.b64decode(text, validate=True)
        document = unzip.decompress(packed, LARGEST_SARIF)
    except (binascii.Error, zlib.error) as error:
        raise SarifError(
            "Invalid SARIF. The sarif field must be gzip-compressed and Base64-encoded."
        ) from error
    if len(packed) > LARGEST_UPLOAD or unzip.unconsumed_tail:
        raise TooLargeError("SARIF upload is too large")
    if not unzip.eof:
        raise SarifError("Invalid SARIF. The gzip data ends early.")
    try:
        return decode(document)
    except ValueError as error:
        raise SarifError("Invalid SARIF. It is not JSON.") from error
