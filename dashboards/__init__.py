"""Grafana's boards as code: their queries and how they are shown; `make dashboards` writes Grafana's files."""
