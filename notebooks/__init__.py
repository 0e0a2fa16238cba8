"""What people look at and change: notebooks, and the report that is made of one."""
