"""What happens to issues, and to pull requests as far as they are issues: deciding, writing, telling."""
