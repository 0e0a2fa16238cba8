"""Tests of the stream through Airflow; a package of its own, because a second process runs it on a stack of its own."""
