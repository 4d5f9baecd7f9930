"""One client for GitHub, GitHub Enterprise Server and the embedded forge; they differ in address and pace alone.

`reader.GitHubReader` and `writer.GitHubWriter` are the two ports. Below them, each knowing only what is below it:
`reading` and `writing` (typed requests) · `app` (tokens that an App is given for its key) · `channel` (one request, its
limits and failures) · `account` (a credential at a forge) · `transport` (the wire, and the one that passes only reads).

Architecture Invariant: a reader cannot write, whatever it is asked to send (`transport.ReadOnly`).
Architecture Invariant: a write is never repeated without looking whether it happened (`once`).
"""
