"""Grafana's boards as code: what they ask and how it is shown; `make dashboards` writes what Grafana reads."""
