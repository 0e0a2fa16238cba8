"""Roles, schemas and tables of both databases: idempotent, run at each start."""
