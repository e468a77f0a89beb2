"""The calls that store jobs: signatures, ids, conflicts, bulk; alike over every driver."""
