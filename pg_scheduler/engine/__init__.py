"""The services that run jobs. Each keeps one thing true and takes only the ports it needs."""
