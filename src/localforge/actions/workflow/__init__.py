"""Workflow files: text to a typed workflow, or to the problems GitHub would name."""
