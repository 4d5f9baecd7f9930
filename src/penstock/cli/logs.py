"""Log lines, on standard error: what they quote cannot act on a terminal either."""

import logging

from penstock.core.text import printable


class Printable(logging.Formatter):
    """A formatter whose lines have their control characters spelt out."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def to_standard_error() -> None:
    """For every command; warnings and worse, unless it asks for more."""
    handler = logging.StreamHandler()
    handler.setFormatter(Printable("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
