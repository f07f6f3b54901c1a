"""Joint angles: sequences, names and signs, and inclination against gravity."""
