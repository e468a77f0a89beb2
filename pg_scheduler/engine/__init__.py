"""The services that run jobs. Each is responsible for one thing and takes only the ports it needs."""
