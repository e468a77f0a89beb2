"""A demo to watch: a PostgreSQL server, a dashboard, workers and a producer, each in its own process. One
worker is killed in the middle of its work.

The demo starts every process with a pipe as its stdin and reads events, one JSON line each, from its
stdout. A process exits when its stdin closes, so nothing outlives the demo, however it ends.
"""
