"""The MQTT bus: what is said on it, the broker that can be embedded, and the client that keeps talking."""
