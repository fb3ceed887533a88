"""The scripts that set up, execute, check and pack the book."""
