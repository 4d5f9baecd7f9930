"""Who wrote a repository's default branch."""

from localforge.call import Answer, Call, no_content
from localforge.git import refnames
from localforge.git.objects import Ident
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.accounts import simple_user
from localforge.render.commits import account_of

area = Area()


@area("GET", "/repos/{owner}/{repo}/contributors", "repos/list-contributors", needs="metadata:read")
def list_contributors(call: Call) -> Answer:
    """Accounts by how many commits they wrote; `anon` shows authors without one, too. 204 in an empty repository."""
    head = refnames.branch_sha(call.git, refnames.head_branch(call.git))
    if head is None:
        return no_content()
    counted: dict[int | str, int] = {}
    shown: dict[int | str, dict[str, Json]] = {}
    for line in call.git.text("shortlog", "--summary", "--email", "--group=author", head).splitlines():
        number, _, person = line.strip().partition("\t")
        name, _, email = person.rpartition(" <")
        ident = Ident(name=name, email=email.removesuffix(">"), seconds=0, zone="+0000")
        account = account_of(call.view, ident)
        key: int | str = account.id if account else ident.email
        counted[key] = counted.get(key, 0) + int(number)
        shown[key] = (
            simple_user(call.urls, account)
            if account
            else {"type": "Anonymous", "name": ident.name, "email": ident.email}
        )
    kept = [key for key in counted if isinstance(key, int) or call.query.flag("anon")]
    kept.sort(key=lambda key: (-counted[key], str(key)))
    return page_of(call, kept).answer(lambda key: {**shown[key], "contributions": counted[key]})
