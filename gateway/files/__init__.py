"""Files in and out: recordings of other software become sessions, sessions become tables."""
