"""What movement means: posture and repetitions."""
