"""The manager, its runners, and the default one."""
