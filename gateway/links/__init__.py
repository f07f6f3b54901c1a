"""From the radio to packets: who is in reach, and one link per sensor that keeps coming back."""
