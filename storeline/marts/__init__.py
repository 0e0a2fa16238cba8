"""The marts in MySQL: what each promises, and how they are published."""
