"""The platform's own code, which needs neither Spark nor Airflow: a package for each flow, stores and commands."""
