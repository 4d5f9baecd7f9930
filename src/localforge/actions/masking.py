"""The forms in which a secret might appear in a log, all to be hidden.

Source: actions/runner, ValueEncoders: as it is, each of its lines, in base64 at each of three offsets, and escaped for JSON,
for shells' single quotes, for XML and for an address.
"""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

SHORTEST_ENCODED = 4


def forms(secret: str) -> Iterator[str]:
    """Every form, some more than once."""
    yield from (secret, secret.strip(), *secret.splitlines())
    if len(secret) < SHORTEST_ENCODED:
        return
    data = secret.encode()
    yield base64.b64encode(data).decode()
    for offset in range(3):
        # Within a longer text, only whole groups of three bytes are encoded in a form of their own.
        rest = data[offset:]
        yield base64.b64encode(rest[: len(rest) // 3 * 3]).decode()
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (quote(secret, safe=""), escape(secret), secret.replace("'", "'\\''"))
