"""What this project offers to the tests of others."""
