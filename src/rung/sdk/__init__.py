"""The untrusted side of the wall: text that is shipped into sandboxes, never imported by the engine."""
