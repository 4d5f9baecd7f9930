"""A load of GET requests over connections that stay open, and how many were answered with 200 in a second.

Made by h2load (Debian's `nghttp2-client`), a program in C: a client in Python took more of the machine than the servers that it
asked, which brings the faster one down to the slower one.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import which

CONNECTIONS = 4
CLIENT = which("h2load")
"""Where it is; None where it is not installed."""


def answered(url: str, token: str, paths: Sequence[str], count: int) -> float:
    """Answers per second to `count` requests for the paths in turns. Raises ValueError where one is not a 200."""
    headers = (f"authorization: Bearer {token}", "accept: application/vnd.github+json")
    with tempfile.TemporaryDirectory() as folder:
        addresses = Path(folder, "addresses")
        addresses.write_text("".join(f"{url}{path}\n" for path in paths))
        how = ("--h1", f"--requests={count}", f"--clients={CONNECTIONS}", f"--input-file={addresses}")
        line = (str(CLIENT), *how, *(f"--header={header}" for header in headers))
        said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    speed = re.search(r"^finished in .*, ([\d.]+) req/s,", said, re.MULTILINE)
    if speed is None or f"status codes: {count} 2xx, 0 3xx, 0 4xx, 0 5xx" not in said:
        raise ValueError(f"not all of {count} requests to {url} were answered with 200:\n{said}")
    return float(speed[1])
