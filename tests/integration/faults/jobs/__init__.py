"""Tests in which something dies or sleeps; a package, because its drivers stay as long as its tests."""
