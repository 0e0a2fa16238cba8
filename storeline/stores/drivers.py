"""The database drivers' own errors, for code that must report in one line what went wrong."""

import mysql.connector
import psycopg2

DRIVER_ERRORS = (psycopg2.Error, mysql.connector.Error)
