"""Django's own tests of backends, run against ours."""
