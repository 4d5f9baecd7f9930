"""From facts to a page: the one template environment, in which everything is escaped unless it is `Markup`.

The headers say the same again: no script, no frame, no form, nothing from elsewhere.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from localforge.call import HTML, Answer, Call
from localforge.pages.marks import mark
from localforge.pages.patches import patches
from localforge.pages.prose import to_page_html
from localforge.urls import quoted

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "templates"
_HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
)


def page(call: Call, template: str, **facts: object) -> Answer:
    """200 with the page `templates/<template>.html` of these facts."""
    view = call.view
    shared = {
        "person": lambda account_id: view.account(account_id).login,
        "full_name": view.full_name(call.repo) if call.found_repo else None,
        "repo": call.found_repo,
    }
    return html(template, 200, **shared, **facts)


def html(template: str, status: int, **facts: object) -> Answer:
    """A page with a status; bytes of git that are no UTF-8 become question marks."""
    content = _environment().get_template(f"{template}.html").render(facts, status=status)
    return Answer(
        status=status, content=content.encode("utf-8", "replace"), media_type=HTML, headers=_HEADERS
    )


@cache
def stylesheet() -> str:
    """The one style sheet."""
    return (_FOLDER / "forge.css").read_text()


@cache
def _environment() -> "Environment":
    # Imported when the first page is shown, not at start-up.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"path": quoted, "prose": _prose, "moment": _moment, "headline": _headline}
    environment.globals |= {"mark": mark, "patches": patches}
    return environment


def _prose(text: str | None) -> Markup:
    # What makes it safe is in `prose`; this is the only text that is not escaped here.
    return Markup(to_page_html(text or ""))  # noqa: S704


def _moment(time: str | None) -> str:
    return time.replace("T", " ").removesuffix("Z") + " UTC" if time else ""


def _headline(message: str) -> str:
    return message.strip().partition("\n")[0] or "(no message)"
