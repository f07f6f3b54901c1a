"""The ways people ask: HTTP and WebSocket, the dashboard, and the command line."""
