"""Commits, comparisons and merges of branches."""

import time

from localforge.access import can_see
from localforge.call import Answer, Call, created, no_content, ok, text
from localforge.errors import ConflictError, InvalidError, NotFoundError
from localforge.forking import in_network
from localforge.git import refnames
from localforge.git.diff import changed_files, mail, mailbox, parent_tree, unified
from localforge.git.history import (
    Walk,
    ahead_behind,
    count,
    is_ancestor,
    merge_base,
    newest_first,
    oldest_first,
)
from localforge.git.merge import Conflicted, merge_trees
from localforge.git.objects import Commit, Draft, commit, write_commit
from localforge.guard import move_guarded
from localforge.json_types import Json
from localforge.moment import to_epoch
from localforge.operations import Area
from localforge.paging import bounds, page_from, page_of
from localforge.pulls.opening import bring
from localforge.refs import Move
from localforge.render import commits as render
from localforge.rest.git_refs import refuse_empty
from localforge.store import accounts

area = Area()

DIFF = "application/vnd.github.diff; charset=utf-8"
PATCH = "application/vnd.github.patch; charset=utf-8"
FILES_PER_PAGE = 300
COMPARED_COMMITS = 250


@area("GET", "/repos/{owner}/{repo}/commits", "repos/list-commits", needs="contents:read")
def list_commits(call: Call) -> Answer:
    """History from a branch, tag or sha, newest first; by path, author, committer and time."""
    refuse_empty(call.git)
    start = call.query.get("sha") or refnames.head_branch(call.git)
    sha = refnames.commit_sha(call.git, start)
    if sha is None:
        raise NotFoundError
    walk = Walk(
        include=(sha,),
        path=(call.query.get("path") or "").strip("/") or None,
        author=_person(call, "author"),
        committer=_person(call, "committer"),
        since=_time(call, "since"),
        until=_time(call, "until"),
    )
    page = page_from(
        call, count(call.git, walk), lambda limit, offset: newest_first(call.git, walk, limit, offset)
    )
    return page.answer(lambda item: render.commit(call.view, call.repo, item))


@area("GET", "/repos/{owner}/{repo}/commits/{ref*}", "repos/get-commit", needs="contents:read")
def get_commit(call: Call) -> Answer:
    """One commit with its files; as diff, patch or bare sha by the Accept header."""
    item = found_commit(call, call.params["ref"])
    match call.accept:
        case "sha":
            return text(item.sha, "application/vnd.github.sha; charset=utf-8")
        case "diff":
            return text(unified(call.git, parent_tree(item), item.sha), DIFF)
        case "patch":
            return text(mail(call.git, item.sha), PATCH)
    files = changed_files(call.git, parent_tree(item), item.sha)
    page, size = bounds(call)
    size = size if call.query.get("per_page") else FILES_PER_PAGE
    whole = render.commit_with_files(call.view, call.repo, item, files)
    shown = files[(page - 1) * size : page * size]
    return ok(whole | {"files": [render.diff_entry(call.view, call.repo, item.sha, file) for file in shown]})


# The older name of the same operation; a path of one segment is the older one's, of several the newer one's.
@area("GET", "/repos/{owner}/{repo}/compare/{base}...{head}", "repos/compare-commits", needs="contents:read")
@area(
    "GET",
    "/repos/{owner}/{repo}/compare/{basehead*}",
    "repos/compare-commits-with-basehead",
    needs="contents:read",
)
def compare(call: Call) -> Answer:
    """What a head has over its merge base with a base: `base...head`."""
    base, head = sides(call)
    common = merge_base(call.git, base.sha, head.sha)
    ancestor = commit(call.git, common) if common else None
    if ancestor is None:
        raise NotFoundError(f"No common ancestor between {base.sha} and {head.sha}.")
    match call.accept:
        case "diff":
            return text(unified(call.git, ancestor.sha, head.sha), DIFF)
        case "patch":
            return text(mailbox(call.git, ancestor.sha, head.sha), PATCH)
    return ok(_comparison(call, base, head, ancestor))


@area("POST", "/repos/{owner}/{repo}/merges", "repos/merge", needs="contents:write")
def merge(call: Call) -> Answer:
    """Merge a branch or commit into a branch with a merge commit; 204 when there is nothing to merge."""
    base, head = call.body.text("base"), call.body.text("head")
    message = call.body.maybe_text("commit_message") or f"Merge {head} into {base}"
    with call.forge.ref_lock(call.repo.id):
        ours = refnames.branch_sha(call.git, base)
        theirs = refnames.commit_sha(call.git, head)
        if ours is None or theirs is None:
            raise NotFoundError("Base does not exist" if ours is None else "Head does not exist")
        if is_ancestor(call.git, theirs, ours):
            return no_content()
        result = merge_trees(call.git, ours, theirs)
        if isinstance(result, Conflicted):
            raise ConflictError("Merge conflict")
        ident = render.ident_of(call.actor.account, int(time.time()))
        draft = Draft(
            tree=result.tree, parents=(ours, theirs), message=message, author=ident, committer=ident
        )
        merged = write_commit(call.git, draft)
        move_guarded(
            call.forge,
            call.repo,
            [Move(ref=refnames.BRANCH + base, before=ours, after=merged.sha)],
            call.actor,
        )
    return created(render.commit(call.view, call.repo, merged))


def found_commit(call: Call, name: str) -> Commit:
    """The commit that a name means; 409 in an empty repository, 422 when there is none."""
    sha = refnames.commit_sha(call.git, name)
    found = commit(call.git, sha) if sha else None
    if found is None:
        refuse_empty(call.git)
        raise InvalidError(f"No commit found for SHA: {name}")
    return found


def sides(call: Call) -> tuple[Commit, Commit]:
    """The commits of the path's `base...head`; 404 when one is not there."""
    names = _basehead(call).split("...")
    if len(names) != 2:
        raise NotFoundError
    base, head = (_side(call, name) for name in names)
    if base is None or head is None:
        raise NotFoundError
    return base, head


def _basehead(call: Call) -> str:
    return next(value for name, value in call.params.items() if name not in {"owner", "repo"})


def _side(call: Call, name: str) -> Commit | None:
    """The commit of a `ref`, or of an `owner:ref` in the network of forks, which becomes an object here."""
    owner, colon, ref = name.rpartition(":")
    if not colon:
        sha = refnames.commit_sha(call.git, name)
        return commit(call.git, sha) if sha else None
    account = accounts.by_login(call.db, owner.partition(":")[0])
    repo_name = owner.partition(":")[2].casefold()
    for repo in in_network(call.db, call.repo, account.id) if account else ():
        if repo_name in {"", repo.name.casefold()} and can_see(call.db, call.actor, repo):
            sha = refnames.commit_sha(call.forge.git(repo.id), ref)
            if sha:
                bring(call.forge, repo.id, call.repo.id, sha)
                return commit(call.git, sha)
    return None


def _comparison(call: Call, base: Commit, head: Commit, ancestor: Commit) -> dict[str, Json]:
    view, repo = call.view, call.repo
    ahead, behind = ahead_behind(call.git, base.sha, head.sha)
    walked = oldest_first(call.git, Walk(include=(head.sha,), exclude=(base.sha,)))
    paged = call.query.get("page") or call.query.get("per_page")
    commits = page_of(call, walked).items if paged else walked[-COMPARED_COMMITS:]
    first_page = call.query.number("page", 1) == 1
    files = changed_files(call.git, ancestor.sha, head.sha)[:FILES_PER_PAGE] if first_page else []
    url = f"{view.urls.repo(view.full_name(repo))}/compare/{_basehead(call)}"
    page = f"{view.urls.page(view.full_name(repo))}/compare"
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    return {
        "url": url,
        "html_url": f"{page}/{_basehead(call)}",
        "permalink_url": f"{page}/{base.sha}...{head.sha}",
        "diff_url": f"{page}/{_basehead(call)}.diff",
        "patch_url": f"{page}/{_basehead(call)}.patch",
        "base_commit": render.commit(view, repo, base),
        "merge_base_commit": render.commit(view, repo, ancestor),
        "status": status.get((ahead > 0, behind > 0), "diverged"),
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": len(walked),
        "commits": [render.commit(view, repo, item) for item in commits],
        "files": [render.diff_entry(view, repo, head.sha, file) for file in files],
    }


def _person(call: Call, name: str) -> str | None:
    """An author filter: a login stands for its account's address."""
    value = call.query.get(name)
    account = accounts.by_login(call.db, value) if value else None
    return f"<{render.ident_of(account, 0).email}>" if account else value


def _time(call: Call, name: str) -> str | None:
    value = call.query.get(name)
    if value is None:
        return None
    try:
        return f"@{to_epoch(value)}"
    except ValueError as error:
        raise InvalidError(
            f"Invalid request.\n\n{value[:40]} is not a valid date-time for {name}."
        ) from error
