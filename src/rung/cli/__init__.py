"""The command line: one module per command group; results on stdout, talk on stderr."""
