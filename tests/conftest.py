"""For every test: how long an example takes says nothing on a machine that does something else, too."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")
