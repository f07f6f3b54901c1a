"""Pure drivers: bytes of body-worn sensors to chunks of samples in SI units, and back."""
