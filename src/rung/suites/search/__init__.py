"""The suite `search`: real measurements as black boxes; the program that gets better is a search policy.

Covered: 3 neural architecture tables, 12 of hyperparameters, all of them complete, with their measurement noise.
Not covered: costs of a measurement (all count the same), spaces without a table.
"""
