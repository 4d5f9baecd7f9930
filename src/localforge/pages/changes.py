"""What lies between two commits as a page, and where on a pull request's page its parts are."""

from dataclasses import replace

from localforge.call import Answer, Call, redirect
from localforge.errors import NotFoundError
from localforge.git.diff import changed_files
from localforge.git.history import merge_base
from localforge.operations import Area
from localforge.pages.code import MOST_FILES, commits_between
from localforge.pages.page import page
from localforge.pages.plain import between, form_of
from localforge.rest.commits import sides

area = Area()

_MOST_COMMITS = 250
# The parts of a pull request's page, by what GitHub calls their addresses.
_PARTS = {"commits": "commits", "checks": "checks", "files": "files", "changes": "files"}


@area("GET", "/{owner}/{repo}/pull/{number}/{part}", "page/pull-part", needs="pull_requests:read", page=True)
def pull_part(call: Call) -> Answer:
    """Where on a pull request's page its commits, checks or changes are."""
    part = _PARTS.get(call.params["part"])
    if part is None:
        raise NotFoundError
    here = call.urls.page(call.view.full_name(call.repo), "pull", call.number("number"))
    return redirect(f"{here}#{part}")


@area("GET", "/{owner}/{repo}/compare/{basehead*}", "page/compare", needs="contents:read", page=True)
def compare(call: Call) -> Answer:
    """What a head has over its merge base with a base, `base...head`; as plain text when the address ends so."""
    name = call.params["basehead"]
    form = form_of(name)
    asked = replace(call, params={**call.params, "basehead": name.removesuffix(f".{form}")}) if form else call
    base, head = sides(asked)
    start = merge_base(call.git, base.sha, head.sha)
    if start is None:
        raise NotFoundError
    if form:
        return between(call, form, start, head.sha)
    files = changed_files(call.git, start, head.sha)
    return page(
        call,
        "compare",
        name=name,
        commits=commits_between(call, base.sha, head.sha, _MOST_COMMITS),
        files=files[:MOST_FILES],
        total=len(files),
    )
