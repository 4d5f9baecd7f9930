"""Answers of GitHub's REST and GraphQL API, with only the fields that are read, and bodies of requests.

Source: github/rest-api-description, API version 2022-11-28.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
    model_validator,
)

from penstock.core.refs import Sha
from penstock.ports import Permanent

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
Body: TypeAlias = Mapping[str, Json]
ObjectId = Annotated[Sha, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
A = TypeVar("A", bound=BaseModel)


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def parsed(body: bytes, kind: type[A], asked: str) -> A:
    """The body as `kind`. Raises Permanent `unexpected_answer`: it is not what GitHub documents."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Permanent(
            "unexpected_answer", f"{asked}: {where} is not as GitHub documents it ({first['msg']})"
        ) from None


class Anything(RootModel[object]):
    """An answer of which nothing is read; that it came is enough."""


class Login(Answer):
    login: str


class AppName(Answer):
    slug: str


class Installed(Answer):
    id: int
    app_slug: str
    permissions: Mapping[str, str]


class InstallationToken(Answer):
    token: Annotated[str, StringConstraints(pattern=r"^[!-~]+$")]
    expires_at: datetime


class OwnerKind(Answer):
    login: str
    type: str


class Variable(Answer):
    name: str
    value: str


class Variables(Answer):
    variables: tuple[Variable, ...]


class Permissions(Answer):
    push: bool = False


class Repository(Answer):
    node_id: str
    full_name: str
    default_branch: str
    archived: bool
    private: bool
    clone_url: str
    permissions: Permissions | None = None


class Repositories(RootModel[tuple[Repository, ...]]):
    pass


class RepositoryName(Answer):
    nameWithOwner: str | None = None  # noqa: N815 - GraphQL's name


class NodeData(Answer):
    node: RepositoryName | None = None


class GraphError(Answer):
    type: str = ""
    message: str = ""


class NodeAnswer(Answer):
    data: NodeData | None = None
    errors: tuple[GraphError, ...] = ()


class GitObject(Answer):
    sha: ObjectId
    type: Literal["commit", "tag", "tree", "blob"]


class Ref(Answer):
    object: GitObject


class ObjectName(Answer):
    """A created blob or tree, or a parent."""

    sha: ObjectId


class Signature(Answer):
    name: str
    email: str
    date: datetime


class Commit(Answer):
    sha: ObjectId
    tree: ObjectName
    parents: tuple[ObjectName, ...]
    message: str
    author: Signature
    committer: Signature


class RequiredCheck(Answer):
    """Protection says `app_id`, rules say `integration_id`; neither, or -1, is any app."""

    context: str
    app_id: int | None = Field(None, validation_alias=AliasChoices("app_id", "integration_id"))


class ProtectedChecks(Answer):
    strict: bool = False
    contexts: tuple[str, ...]
    checks: tuple[RequiredCheck, ...] = ()


class ProtectedReviews(Answer):
    required_approving_review_count: int = 0


class Protection(Answer):
    """Each demand may be absent. `url` never is, so that an answer about something else is not "nothing demanded"."""

    url: str
    required_status_checks: ProtectedChecks | None = None
    required_pull_request_reviews: ProtectedReviews | None = None


class RuleParameters(Answer):
    required_status_checks: tuple[RequiredCheck, ...] = ()
    strict_required_status_checks_policy: bool = False
    required_approving_review_count: int = 0


class Rule(Answer):
    type: str
    parameters: RuleParameters | None = None

    @model_validator(mode="after")
    def _names_its_checks(self) -> "Rule":
        told = self.parameters.model_fields_set if self.parameters else frozenset()
        if self.type == "required_status_checks" and self.type not in told:
            raise ValueError("it demands checks and names none")
        return self


class Rules(RootModel[tuple[Rule, ...]]):
    pass


class CheckApp(Answer):
    id: int | None = None
    slug: str | None = None


class CheckOutput(Answer):
    annotations_count: int = 0


class CheckSuite(Answer):
    id: int


class CheckRun(Answer):
    id: int
    name: str
    status: str
    conclusion: str | None
    html_url: str | None = None
    app: CheckApp | None = None
    check_suite: CheckSuite | None = None
    output: CheckOutput = CheckOutput()


class CheckRuns(Answer):
    check_runs: tuple[CheckRun, ...]


class Annotation(Answer):
    title: str | None = None
    message: str | None = None


class Annotations(RootModel[tuple[Annotation, ...]]):
    pass


class Status(Answer):
    context: str
    state: Literal["error", "failure", "pending", "success"]
    target_url: str | None = None


class CombinedStatus(Answer):
    statuses: tuple[Status, ...]


class Logins(RootModel[tuple[Login, ...]]):
    pass


class CollaboratorPermission(Answer):
    permission: str
    role_name: str = ""


class Label(Answer):
    name: str


class Labels(RootModel[tuple[Label, ...]]):
    pass


class PullMark(Answer):
    """Present on an issue that is a pull request."""


class Issue(Answer):
    number: int
    title: str
    body: str | None = None
    labels: tuple[Label, ...]
    user: Login | None
    author_association: str = "NONE"
    state: Literal["open", "closed"]
    html_url: str
    pull_request: PullMark | None = None


class Issues(RootModel[tuple[Issue, ...]]):
    pass


class Author(Login):
    type: str = ""


class Comment(Answer):
    id: int
    body: str | None = None
    user: Author | None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Comments(RootModel[tuple[Comment, ...]]):
    pass


class PullRepository(Answer):
    node_id: str


class PullHead(Answer):
    ref: str
    sha: ObjectId
    repo: PullRepository | None = None


class PullBase(Answer):
    ref: str


class ListedPull(Answer):
    number: int
    state: Literal["open", "closed"]
    merged_at: datetime | None = None
    head: PullHead
    user: Login | None


class ListedPulls(RootModel[tuple[ListedPull, ...]]):
    pass


class Pull(Answer):
    number: int
    html_url: str
    body: str | None = None
    state: Literal["open", "closed"]
    merged: bool
    mergeable: bool | None = None
    mergeable_state: str = ""
    merge_commit_sha: ObjectId | None = None
    head: PullHead
    base: PullBase
    user: Login | None
    merged_by: Login | None = None


class Review(Answer):
    id: int
    user: Author | None
    state: str
    commit_id: ObjectId | None = None


class Reviews(RootModel[tuple[Review, ...]]):
    pass


class Run(Answer):
    id: int
    status: str | None = None
    run_started_at: datetime


class Runs(Answer):
    workflow_runs: tuple[Run, ...]


class Numbered(Answer):
    """A created issue or pull request."""

    number: int


class Identified(Answer):
    """A created comment."""

    id: int
