"""The one webhook of an App, and its deliveries."""

from localforge.call import Answer, Call, ok
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.render import hooks as render
from localforge.rest.apps import asking
from localforge.rest.hooks import deliveries_of, delivery_of, read_config, redelivered
from localforge.store import hooks
from localforge.store.hooks import Hook

area = Area()

_DELIVERIES = "/app/hook/deliveries"


@area("GET", "/app/hook/config", "apps/get-webhook-config-for-app", app=True)
def get_config(call: Call) -> Answer:
    """Where the App is told."""
    return ok(render.config(_hook(call)))


@area("PATCH", "/app/hook/config", "apps/update-webhook-config-for-app", app=True)
def update_config(call: Call) -> Answer:
    """Tell it elsewhere, or with another secret; a hook that had no address begins to work."""
    item = _hook(call)
    with call.forge.store.write() as tx:
        tx.update("hook", item.id, active=True, updated_at=call.forge.clock(), **read_config(call.body, item))
    return ok(render.config(_hook(call)))


@area("GET", _DELIVERIES, "apps/list-webhook-deliveries", app=True)
def list_deliveries(call: Call) -> Answer:
    """Deliveries that were attempted, newest first; `cursor` leads on."""
    return deliveries_of(call, _hook(call))


@area("GET", f"{_DELIVERIES}/{{delivery_id}}", "apps/get-webhook-delivery", app=True)
def get_delivery(call: Call) -> Answer:
    """One delivery, with what was sent and what came back."""
    item = _hook(call)
    return ok(render.delivery(delivery_of(call, item), item))


@area("POST", f"{_DELIVERIES}/{{delivery_id}}/attempts", "apps/redeliver-webhook-delivery", app=True)
def redeliver(call: Call) -> Answer:
    """Send a delivery once more, under the same id."""
    return redelivered(call, _hook(call), asking(call).bot_id)


def _hook(call: Call) -> Hook:
    item = hooks.of_app(call.db, asking(call).id)
    if item is None:
        raise NotFoundError
    return item
