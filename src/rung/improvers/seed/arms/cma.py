"""A small CMA-ES (Hansen's tutorial, arXiv 1604.00772): ask for points, tell their losses."""

from __future__ import annotations

import numpy as np


class Cma:
    """Minimises by sampling a normal distribution that learns from ranks; deterministic in its seed."""

    def __init__(self, mean, sigma, *, seed, population=None):
        self.mean, self.sigma = np.array(mean, dtype=float), float(sigma)
        n = len(self.mean)
        self.rng = np.random.default_rng(seed)
        self.population = population or 4 + int(3 * np.log(n + 1))
        mu = self.population // 2
        raw = np.log(mu + 0.5) - np.log(np.arange(1, mu + 1))
        self.weights = raw / raw.sum()
        self.mass = 1.0 / np.sum(self.weights**2)
        self.cc = (4 + self.mass / n) / (n + 4 + 2 * self.mass / n)
        self.cs = (self.mass + 2) / (n + self.mass + 5)
        self.c1 = 2 / ((n + 1.3) ** 2 + self.mass)
        self.cmu = min(1 - self.c1, 2 * (self.mass - 2 + 1 / self.mass) / ((n + 2) ** 2 + self.mass))
        self.damping = 1 + 2 * max(0.0, np.sqrt((self.mass - 1) / (n + 1)) - 1) + self.cs
        self.expected = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
        self.path_c, self.path_s = np.zeros(n), np.zeros(n)
        self.covariance = np.eye(n)
        self.generation = 0

    def ask(self):
        """Returns a generation of points, [population][n]."""
        values, self.basis = np.linalg.eigh(self.covariance)
        self.spread = np.sqrt(np.maximum(values, 1e-20))
        steps = self.rng.standard_normal((self.population, len(self.mean))) * self.spread
        return list(self.mean + self.sigma * steps @ self.basis.T)

    def tell(self, points, losses):
        """Moves the distribution toward the points of low loss; fewer points than were asked for are allowed."""
        count = min(len(self.weights), len(points))
        if count == 0:
            return
        order = np.argsort(losses, kind="stable")[:count]
        weights = self.weights[:count] / self.weights[:count].sum()
        steps = (np.array([points[k] for k in order]) - self.mean) / self.sigma
        mean_step = weights @ steps
        self.mean = self.mean + self.sigma * mean_step
        white = self.basis @ ((self.basis.T @ mean_step) / self.spread)
        self.path_s = (1 - self.cs) * self.path_s + np.sqrt(self.cs * (2 - self.cs) * self.mass) * white
        self.generation += 1
        length = np.linalg.norm(self.path_s)
        bound = (1.4 + 2 / (len(self.mean) + 1)) * self.expected
        steady = length / np.sqrt(1 - (1 - self.cs) ** (2 * self.generation)) < bound
        self.path_c = (1 - self.cc) * self.path_c
        if steady:
            self.path_c += np.sqrt(self.cc * (2 - self.cc) * self.mass) * mean_step
        outer = (weights[:, None] * steps).T @ steps
        self.covariance = (1 - self.c1 - self.cmu) * self.covariance
        self.covariance += self.c1 * np.outer(self.path_c, self.path_c) + self.cmu * outer
        self.sigma *= float(np.exp((self.cs / self.damping) * (length / self.expected - 1)))
