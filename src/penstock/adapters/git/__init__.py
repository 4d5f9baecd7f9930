"""Git on the host: mirrors of the forge's repositories, and trees that untrusted code wrote.

Host git only ever runs in directories that Penstock made itself, with an environment that takes nothing from the
user's or a repository's configuration. What an agent wrote is read file by file and hashed, never handed to git.
"""
