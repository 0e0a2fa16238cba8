"""Tests in which something dies or sleeps; a package, because its drivers live as long as its tests."""
