"""What a person does: activities, the movement they make, and the muscles that make it."""
