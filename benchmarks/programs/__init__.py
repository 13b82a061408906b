"""What the improvers make of the tasks that ship, at equal cost; `python -m benchmarks.programs` prints the table."""
