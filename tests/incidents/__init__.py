"""Five incidents, staged with a real server and real workers, and ended by somebody who has only the page,
or only `pgq`."""
