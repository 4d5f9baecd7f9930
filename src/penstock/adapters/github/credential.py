"""What one identity proves itself with at a forge. It is never shown: not in a repr, an error or a log."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from penstock.ports import Permanent


class Bearer(Protocol):
    """Whoever has a token to send: a credential that somebody was given, or an App that is given one as it needs it.

    `login` and `granted` (permissions by GitHub's names) are None where the forge must be asked.
    """

    @property
    def token(self) -> str: ...

    @property
    def source(self) -> str:
        """The name of the place a person finds it in, such as `GITHUB_TOKEN`."""

    @property
    def id(self) -> str:
        """What names it where the secret must not be: caches and write logs."""

    @property
    def login(self) -> str | None: ...

    @property
    def granted(self) -> Mapping[str, str] | None: ...

    def hidden(self, text: str) -> str:
        """A text of the forge's without the token, in case that it repeats it."""

    def renew(self) -> bool:
        """The forge refused the token as unknown: may another be had at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token that lasts, and where it is."""

    token: str = field(repr=False)
    source: str

    def __post_init__(self) -> None:
        if not self.token or not all("!" <= char <= "~" for char in self.token):
            raise Permanent(
                "unauthorized",
                f"{self.source} holds no usable token: it is empty or has spaces, line breaks or letters "
                f"that no token has; put one valid token there",
            )

    @property
    def login(self) -> None:
        return None

    @property
    def granted(self) -> None:
        return None

    def hidden(self, text: str) -> str:
        return text.replace(self.token, "***")

    @property
    def id(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()[:16]

    def renew(self) -> bool:
        return False


def single_credential(reader: Bearer, writer: Bearer) -> bool:
    """Whether what reads could also write: records say so then (`single_credential`)."""
    return reader.id == writer.id
