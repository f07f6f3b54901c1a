"""How sensors sit on their segments: found from movement or a pose, and watched afterwards."""
