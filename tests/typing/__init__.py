"""What type checkers find in a user's program."""
