"""Where untrusted commands run: away from everything (`Bubblewrap`), or after an explicit order as they are."""

from penstock.adapters.sandbox.bubblewrap import Bubblewrap as Bubblewrap
from penstock.adapters.sandbox.unsandboxed import Unsandboxed as Unsandboxed
