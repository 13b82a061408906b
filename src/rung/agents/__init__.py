"""Coding agents that run as a command, as improvers: a checkout and a brief in, a diff out, in a box that may exec."""
