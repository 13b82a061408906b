"""How fast, how small and how steady the engine is; `python -m benchmarks.engine` prints the table."""
