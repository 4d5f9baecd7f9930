"""Every text that people read at the forge, rendered from the templates in `templates/`.

Titles, paths and reasons can come from strangers. Templates pass them through `inline`, which keeps them from
becoming markup or comment delimiters; titles of commits and pull requests go through `harmless`. Neither lets them
close an issue, call a person or steer CI.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.text import without_hidden
from penstock.core.verdict import escaped

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "templates"
TITLE_LIMIT = 200
_JOINER = "\u2060"
"""WORD JOINER: it takes no space, and what it stands in is no reference, mention, address or order any more."""
_ACTS = re.compile(
    r"(?<=#)(?=\d)"  # closes acme/core#1
    r"|(?<=\bGH-)(?=\d)"  # closes GH-1
    r"|(?<=@)(?=\w)"  # @ada
    r"|(?<=:)(?=//)"  # closes https://…/issues/1
    r"|(?<=\[)(?=[^\]]*\b(?:skip|no|ci)\b)"  # [skip ci], [no ci], [actions skip]
    r"|(?<=-)(?=-)",  # the end of a comment
    re.IGNORECASE,
)
_TRAILER = re.compile(
    r"^([a-z0-9]+(?:-[a-z0-9]+)+|close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?=\s*:)", re.IGNORECASE
)
"""`skip-checks: true`, `Signed-off-by: …`; words without a hyphen begin honest titles (`docs: …`)."""


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
    return _cut(disarmed(escaped(text)), limit)


def harmless(title: str) -> str:
    """An untrusted title as one line that only says what it says, wherever a forge or git reads it."""
    flat = " ".join(without_hidden(" ".join(title.split())).split()) or "(no title)"
    return _cut(_TRAILER.sub(rf"\1{_JOINER}", disarmed(flat)), TITLE_LIMIT)


def disarmed(text: str) -> str:
    """The text with a WORD JOINER in everything that a forge or CI would act on."""
    return _ACTS.sub(_JOINER, text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
