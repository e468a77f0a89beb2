"""The main job, to watch: a PostgreSQL of its own, three workers and a producer, each a process; one worker
is killed in the middle of its work.

The demo starts every process with a pipe as its stdin and reads events, one JSON line each, from its
stdout. A process whose stdin closes ends by itself, so nothing outlives the demo, however it ends.
"""
