"""Users."""

from localforge.call import Answer, Call, ok
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.render.accounts import private_user, public_user
from localforge.store import accounts

area = Area()


@area("GET", "/user", "users/get-authenticated", login=True)
def get_authenticated(call: Call) -> Answer:
    """The caller."""
    return ok(private_user(call.view, call.actor.account))


@area("GET", "/users/{username}", "users/get-by-username")
def get_by_username(call: Call) -> Answer:
    """A user or organization, in the shape of a user."""
    account = accounts.by_login(call.db, call.params["username"])
    if account is None:
        raise NotFoundError
    return ok(public_user(call.view, account))
