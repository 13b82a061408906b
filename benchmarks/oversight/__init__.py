"""How fast a person can pause, resume and stop a busy run, and what that costs it: nothing."""
