"""Roles, schemas and tables of all databases: idempotent, applied at each start."""
