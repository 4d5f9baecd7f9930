"""Markdown rendered for whoever asks, and notifications, of which there are none."""

from localforge.call import HTML, Answer, Call, text
from localforge.errors import InvalidError
from localforge.operations import Area
from localforge.pages.prose import to_page_html

area = Area()

LARGEST = 400 * 1024


@area("POST", "/markdown", "markdown/render")
def render(call: Call) -> Answer:
    """A text as HTML. `context` and `mode` are taken; references to issues and commits stay text."""
    call.body.choice("mode", ("markdown", "gfm"), "markdown")
    call.body.maybe_text("context")
    return text(to_page_html(call.body.text("text")), HTML)


@area("POST", "/markdown/raw", "markdown/render-raw", body_limit=LARGEST)
def render_raw(call: Call) -> Answer:
    """The body itself as HTML."""
    try:
        return text(to_page_html(call.content.decode()), HTML)
    except UnicodeDecodeError as error:
        raise InvalidError("The body is no UTF-8 text.") from error


@area("PUT", "/notifications", "activity/mark-notifications-as-read", login=True)
def mark_as_read(call: Call) -> Answer:
    """205: read as they are, for the forge notifies nobody."""
    del call
    return Answer(status=205)
