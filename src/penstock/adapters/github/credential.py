"""The secret that one identity uses at a forge. It is never shown: not in a repr, an error or a log."""

import hashlib
import hmac
from dataclasses import dataclass, field

from penstock.ports import Permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token and `source`, the name of the place a person finds it in, such as `GITHUB_TOKEN`."""

    token: str = field(repr=False)
    source: str

    def __post_init__(self) -> None:
        if not self.token or not all("!" <= char <= "~" for char in self.token):
            raise Permanent(
                "unauthorized",
                f"{self.source} holds no usable token: it is empty or has spaces, line breaks or letters "
                f"that no token has; put one valid token there",
            )

    def hidden(self, text: str) -> str:
        """A text of the forge's without the token, in case that it repeats it."""
        return text.replace(self.token, "***")

    @property
    def id(self) -> str:
        """What names this credential where the secret must not be: caches and write logs."""
        return hashlib.sha256(self.token.encode()).hexdigest()[:16]


def single_credential(reader: Credential, writer: Credential) -> bool:
    """Whether what reads could also write: records say so then (`single_credential`)."""
    return hmac.compare_digest(reader.token, writer.token)
