"""Classic project boards, which GitHub took away on 1 April 2025: every address of theirs is 410, in its words.

Source of the words: answers of api.github.com that clients have reported since (cockroachdb/cockroach#148161).
"""

from localforge.call import Answer, Call
from localforge.errors import GoneError
from localforge.operations import Area

area = Area()

GONE = "Projects (classic) has been deprecated in favor of the new Projects experience."
SUNSET = "https://github.blog/changelog/2024-05-23-sunset-notice-projects-classic/"


def gone(_call: Call) -> Answer:
    """410, whatever is asked."""
    raise GoneError(GONE, documentation=SUNSET)


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    area(_method, "/projects/{rest*}", f"projects/classic ({_method})")(gone)
for _method, _name in (("GET", "list"), ("POST", "create")):
    area(_method, "/repos/{owner}/{repo}/projects", f"projects/{_name}-for-repo", needs="metadata:read")(gone)
    area(_method, "/orgs/{org}/projects", f"projects/{_name}-for-org")(gone)
area("GET", "/users/{username}/projects", "projects/list-for-user")(gone)
area("POST", "/user/projects", "projects/create-for-authenticated-user")(gone)
