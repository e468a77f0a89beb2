"""From a claimed job to an outcome."""
