"""Tests of the whole stack; a package, because its servers run as long as its tests."""
