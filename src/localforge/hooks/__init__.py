"""Webhooks: which event goes to which hook, with what payload, and the worker that delivers."""
