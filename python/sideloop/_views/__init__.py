"""The sync views of async generators and context managers, each on a host task of its own."""
