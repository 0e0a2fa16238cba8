"""The services as processes on one machine without Docker: for a first look and for tests."""
