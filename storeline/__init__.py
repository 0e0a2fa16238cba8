"""The platform's own code, which needs neither Spark nor Airflow: a package per flow, stores and commands."""
