"""Log lines, on standard error: what they quote has no secret and cannot act on a terminal either."""

import logging
from collections.abc import Callable

from penstock.core.secrets import redact
from penstock.core.text import printable


class Printable(logging.Formatter):
    """A formatter whose lines have no secret in them, and their control characters spelt out."""

    clean: Callable[[str], str] = staticmethod(redact)

    def format(self, record: logging.LogRecord) -> str:
        return printable(self.clean(super().format(record)))


def to_standard_error() -> None:
    """For every command; warnings and worse, unless it asks for more."""
    handler = logging.StreamHandler()
    handler.setFormatter(Printable("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler])


def cleaned_by(clean: Callable[[str], str]) -> None:
    """From now on: whoever holds credentials knows more of what may not be in a line."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Printable):
            handler.formatter.clean = clean
