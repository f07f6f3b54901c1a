"""Sessions in the making and sessions played again: beginning and ending, writing, feeding a database, replays."""
