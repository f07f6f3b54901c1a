"""Pure estimation: timed samples in, orientation, joint angles, muscle activation and movement events out."""
