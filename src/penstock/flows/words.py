"""Every text that people read at the forge, rendered from the templates in `templates/`.

Titles, paths and reasons can come from strangers: templates pass them through `inline`, which keeps them from
becoming markup, mentions or comment delimiters.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.verdict import escaped

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "templates"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only what writes needs it in memory

    loader = FileSystemLoader(_FOLDER)
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Markdown; `inline` escapes what is quoted
    environment.filters["inline"] = inline
    return environment


def words(template: str, **values: object) -> str:
    """The template `templates/<template>.md` with these values, without trailing space."""
    return _environment().get_template(f"{template}.md").render(**values).strip() + "\n"


def inline(text: str, limit: int = 300) -> str:
    """Untrusted text as one harmless line of Markdown."""
    flat = escaped(text).replace("@", "@\u200b").replace("--", "-\u2060-")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
