"""What the databases' drivers raise by themselves, for whoever asks and has to say in one line what went wrong."""

import mysql.connector
import psycopg2

DRIVER_ERRORS = (psycopg2.Error, mysql.connector.Error)
