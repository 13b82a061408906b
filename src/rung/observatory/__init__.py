"""What was shown and what was not: folds over the results of arms, each with its interval; nothing is decided here."""
