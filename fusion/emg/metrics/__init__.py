"""What amplitude and spectrum of muscles say about a session: pure functions over arrays, each with its source."""
