"""Suites: many tasks that belong together, with splits that say which may be learned from."""
