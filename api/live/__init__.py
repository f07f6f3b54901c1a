"""What happens now: from the bus to every WebSocket client, without one of them slowing another."""
