"""Git as the forge uses it: bare repositories, trusted environment, plumbing only.

`directory.GitDir` runs git and reads objects; `objects` parses and writes them; `refnames`, `history`,
`diff` and `merge` answer questions. Nothing here knows the store or HTTP.
"""
