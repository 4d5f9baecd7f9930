"""A commit's files as one archive: a redirect to a short-lived address that streams what `git archive` makes."""

from localforge.call import Answer, Call, redirect
from localforge.errors import NotFoundError
from localforge.git import refnames
from localforge.operations import Area
from localforge.render.view import View
from localforge.rest.commits import found_commit
from localforge.signing import ARCHIVES, archive, check
from localforge.store import repos

area = Area()

_FORMATS = {"legacy.tar.gz": "tar.gz", "legacy.zip": "zip"}
_MEDIA = {"tar.gz": "application/x-gzip", "zip": "application/zip"}


@area(
    "GET",
    "/repos/{owner}/{repo}/tarball",
    "repos/download-tarball-archive (default branch)",
    needs="contents:read",
)
@area("GET", "/repos/{owner}/{repo}/tarball/{ref*}", "repos/download-tarball-archive", needs="contents:read")
def tarball(call: Call) -> Answer:
    """Where the tarball of a ref is."""
    return _elsewhere(call, "legacy.tar.gz")


@area(
    "GET",
    "/repos/{owner}/{repo}/zipball",
    "repos/download-zipball-archive (default branch)",
    needs="contents:read",
)
@area("GET", "/repos/{owner}/{repo}/zipball/{ref*}", "repos/download-zipball-archive", needs="contents:read")
def zipball(call: Call) -> Answer:
    """Where the zip of a ref is."""
    return _elsewhere(call, "legacy.zip")


@area("GET", "/{owner}/{repo}/archive/{name*}", "page/archive", needs="contents:read", page=True)
def from_page(call: Call) -> Answer:
    """`archive/<ref>.tar.gz` and `.zip`: the addresses of the web pages."""
    name = call.params["name"]
    form = next((form for form in _MEDIA if name.endswith(f".{form}")), None)
    sha = refnames.commit_sha(call.git, name.removesuffix(f".{form}")) if form else None
    if form is None or sha is None:
        raise NotFoundError
    short = name.removesuffix(f".{form}").removeprefix(refnames.BRANCH).removeprefix(refnames.TAG)
    version = short.removeprefix("v") if short[:1] == "v" and short[1:2].isdigit() else short
    return _archive(call, call.repo.id, form, (sha, f"{call.repo.name}-{version.replace('/', '-')}"))


@area("GET", f"/{ARCHIVES}/{{expires}}/{{signature}}/{{repo_id}}/{{form}}/{{sha}}", ARCHIVES, page=True)
def serve(call: Call) -> Answer:
    """The archive itself; its files are in one folder, `owner-name-abc1234`."""
    repo_id, form, sha = call.params["repo_id"], call.params["form"], call.params["sha"]
    check(ARCHIVES, call.params["expires"], call.params["signature"], f"{repo_id}/{form}/{sha}")
    repo = repos.by_id(call.db, int(repo_id))
    if repo is None:
        raise NotFoundError
    full_name = View(forge=call.forge, urls=call.urls).full_name(repo)
    folder = f"{full_name.replace('/', '-')}-{sha[:7]}"
    return _archive(call, repo.id, _FORMATS[form], (sha, folder))


def _elsewhere(call: Call, form: str) -> Answer:
    sha = found_commit(call, call.params.get("ref", "HEAD")).sha
    return redirect(f"{call.urls.origin}/{archive(call.repo.id, form, sha)}")


def _archive(call: Call, repo_id: int, form: str, content: tuple[str, str]) -> Answer:
    """The files of a commit, in a folder."""
    sha, folder = content
    named = folder.encode("ascii", "replace").decode().replace('"', "")
    return Answer(
        status=200,
        media_type=_MEDIA[form],
        headers=(("content-disposition", f'attachment; filename="{named}.{form}"'),),
        stream=(
            f"--git-dir={call.forge.git_path(repo_id)}",
            "archive",
            f"--format={form}",
            f"--prefix={folder}/",
            sha,
        ),
    )
