"""What the rivals run on the cluster; in a folder of their own, because spark-submit puts it first in the path."""
