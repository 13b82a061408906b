"""General solvers: each fits problems by their attributes, and knows no task."""
