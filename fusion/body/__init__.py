"""From oriented sensors to segments and joints."""
