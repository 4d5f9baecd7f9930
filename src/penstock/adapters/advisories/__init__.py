"""Databases of known vulnerabilities."""
