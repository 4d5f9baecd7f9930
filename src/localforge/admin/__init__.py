"""The verbs of `python -m localforge`: each module adds its arguments and carries them out."""
