"""What the model arm is made of: prompts out of an archive, and programs out of answers that may hold anything."""
