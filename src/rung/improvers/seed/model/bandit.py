"""Which model is asked which kind of question next: the one that has had the least for what it earned."""

from __future__ import annotations

FORGET = 0.9  # what is left of a credit after each use


class Cell:
    """One model with one kind of question. prior: how likely it is at first; spent: cost units so far."""

    def __init__(self, model, kind, prior):
        self.model, self.kind, self.prior = model, kind, prior
        self.spent, self.credit, self.uses = 0.0, 0.0, 0

    def claim(self):
        """Returns what it has had for what it earned."""
        return self.spent / (self.prior * (1.0 + self.credit))


class Bandit:
    """All cells, in the order of their priors; deterministic."""

    def __init__(self, models, kinds):
        cells = [Cell(model, kind, weight * share) for model, weight in models for kind, share in kinds]
        self.cells = sorted((cell for cell in cells if cell.prior > 0.0), key=lambda cell: -cell.prior)

    def choose(self, kinds):
        """Returns the cell that goes next among some kinds, or None."""
        return min((cell for cell in self.cells if cell.kind in kinds), key=Cell.claim, default=None)

    def pay(self, cell, cost):
        """Charges a question."""
        cell.spent += cost
        cell.credit *= FORGET
        cell.uses += 1

    def retire(self, model):
        """Takes a model out."""
        self.cells = [cell for cell in self.cells if cell.model != model]
