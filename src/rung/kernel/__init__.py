"""The trusted kernel: standard library only, small enough to be read whole."""
