"""An embedded, GitHub-compatible forge: REST, GraphQL, git over HTTP, webhooks and Actions."""
