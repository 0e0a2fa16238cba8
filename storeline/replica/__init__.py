"""The copy from PostgreSQL to MySQL."""
