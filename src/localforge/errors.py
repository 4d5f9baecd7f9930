"""Refusals, each of which becomes one of GitHub's error bodies.

ForgeError
├── BadRequestError 400        ├── MethodNotAllowedError 405   ├── InvalidError 422
├── UnauthorizedError 401      ├── ConflictError 409           ├── RateLimitedError 403, 429
├── ForbiddenError 403         ├── GoneError 410               └── MovedError 301 (307 for writes)
├── NotFoundError 404          └── TooLargeError 413
"""

from dataclasses import dataclass

from localforge.json_types import Json

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One entry of `errors[]`: which field of which resource (empty: the whole of it) is wrong, and how.

    `code` is GitHub's: missing, missing_field, invalid, already_exists, unprocessable, custom.
    """

    resource: str
    field: str = ""
    code: str = "invalid"
    message: str | None = None
    value: Json = None

    def json(self) -> dict[str, Json]:
        """The entry as GitHub writes it."""
        optional = {"field": self.field or None, "message": self.message, "value": self.value}
        return {
            "resource": self.resource,
            "code": self.code,
            **{name: value for name, value in optional.items() if value is not None},
        }


class ForgeError(Exception):
    """A refusal with an HTTP status and GitHub's words."""

    status = 500
    default_message = "Server Error"

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: tuple[FieldError | str, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        documentation: str = DOCUMENTATION,
    ) -> None:
        self.message = message or self.default_message
        self.errors = errors
        self.headers = headers
        self.documentation = documentation
        # GitHub's host for uploads names the request in the body, too.
        self.request_id: str | None = None
        super().__init__(self.message)

    def json(self) -> dict[str, Json]:
        """The error body: message, errors (when there are any), documentation_url, status."""
        errors = [error.json() if isinstance(error, FieldError) else error for error in self.errors]
        return {
            "message": self.message,
            **({"errors": errors} if errors else {}),
            **({"request_id": self.request_id} if self.request_id else {}),
            "documentation_url": self.documentation,
            "status": str(self.status),
        }


class BadRequestError(ForgeError):
    """The request cannot be read."""

    status = 400
    default_message = "Problems parsing JSON"


class UnauthorizedError(ForgeError):
    """No credential where one is needed, or a wrong one."""

    status = 401
    default_message = "Requires authentication"


class ForbiddenError(ForgeError):
    """The credential may see the resource but not do this."""

    status = 403
    default_message = "Resource not accessible by personal access token"


class NotFoundError(ForgeError):
    """There is no such thing, or it is hidden from this credential."""

    status = 404
    default_message = "Not Found"


class MethodNotAllowedError(ForgeError):
    """The resource's state does not allow the action (a pull request that cannot be merged)."""

    status = 405
    default_message = "Method Not Allowed"


class ConflictError(ForgeError):
    """The resource changed, or another state stands in the way."""

    status = 409
    default_message = "Conflict"


class GoneError(ForgeError):
    """The feature is switched off or the thing was removed."""

    status = 410
    default_message = "Gone"


class TooLargeError(ForgeError):
    """The request body is larger than the operation takes."""

    status = 413
    default_message = "Payload too large"


class InvalidError(ForgeError):
    """The request is readable but not valid."""

    status = 422
    default_message = "Validation Failed"


_LIMITS = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"


class RateLimitedError(ForgeError):
    """A primary limit, or a `secondary` one (403 or 429), which clients tell apart by words and by the document named."""

    status = 403

    def __init__(self, message: str, *, status: int, retry_after: int, secondary: bool = False) -> None:
        super().__init__(
            message,
            headers=(("retry-after", str(retry_after)),),
            documentation=f"{_LIMITS}#about-secondary-rate-limits" if secondary else _LIMITS,
        )
        self.status = status


class MovedError(ForgeError):
    """The repository was renamed or transferred: its new address."""

    default_message = "Moved Permanently"

    def __init__(self, url: str, *, status: int) -> None:
        super().__init__(headers=(("location", url),))
        self.status = status
        self.url = url

    def json(self) -> dict[str, Json]:
        """GitHub's redirect body."""
        return {"message": self.message, "url": self.url, "documentation_url": self.documentation}


def field_error(resource: str, field: str, code: str = "invalid", message: str | None = None) -> InvalidError:
    """A 422 about one field, the most frequent refusal."""
    return InvalidError(errors=(FieldError(resource=resource, field=field, code=code, message=message),))
