"""What the project claims, measured anew: `python -m benchmarks.engine` and `python -m benchmarks.programs`."""
