"""Everything that waits: radio links, the clock, recording, the bus, the stores and the haptic way back."""
