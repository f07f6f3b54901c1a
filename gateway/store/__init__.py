"""Where sessions are kept: the embedded SQLite home by default, InfluxDB for the derived series in production."""
