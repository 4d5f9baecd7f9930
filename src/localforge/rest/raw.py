"""What addresses in answers lead to besides the API: a file's bytes, an account's picture."""

import hashlib

from localforge.call import Answer, Call, text
from localforge.errors import NotFoundError
from localforge.git import refnames
from localforge.operations import Area
from localforge.store.accounts import Account

area = Area()

SVG = "image/svg+xml"


@area("GET", "/{owner}/{repo}/raw/{rest*}", "page/raw", needs="contents:read", page=True)
def raw(call: Call) -> Answer:
    """A file's bytes at a ref. Ref and path share their slashes: the shortest ref that exists counts."""
    parts = call.params["rest"].split("/")
    for length in range(1, len(parts)):
        sha = refnames.commit_sha(call.git, "/".join(parts[:length]))
        found = call.git.object(f"{sha}:{'/'.join(parts[length:])}") if sha else None
        if found and found.kind == "blob":
            binary = b"\0" in found.data[:8000]
            return text(found.data, "application/octet-stream" if binary else "text/plain; charset=utf-8")
    raise NotFoundError


@area("GET", "/avatars/{account_id}", "page/avatar", page=True)
def avatar(call: Call) -> Answer:
    """A picture of an account: five by five cells that its login decides, the same on both sides."""
    number = call.params["account_id"]
    account = call.db.one(Account, "SELECT * FROM account WHERE id = ?", number)
    if account is None:
        raise NotFoundError
    digest = hashlib.sha256(account.login.lower().encode()).digest()
    cells = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1"/>'
        for y in range(5)
        for x in range(5)
        if digest[y * 3 + min(x, 4 - x)] % 2
    )
    color = f"hsl({digest[30] * 360 // 256} 50% 50%)"
    return text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 7 7" fill="{color}">{cells}</svg>', SVG
    )
