"""The main job, to watch: an embedded PostgreSQL, a producer, three workers, one of them killed."""
