"""No hardware: a virtual radio, virtual sensors on it, a moving person to wear them, and replays of recordings."""
