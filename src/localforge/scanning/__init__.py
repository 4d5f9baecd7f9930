"""Code scanning: analyses in SARIF become alerts, which open, close and open again with what later analyses find."""
