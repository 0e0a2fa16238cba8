"""The services as local processes, without Docker: for a first look and for tests."""
