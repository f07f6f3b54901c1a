"""The HTTP contract of docs/protocol.md: routes, the shapes of answers, errors in one sentence."""
