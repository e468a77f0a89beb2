"""The command line, as a person runs it: real processes, a real server."""
