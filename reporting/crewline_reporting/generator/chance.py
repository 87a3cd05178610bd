"""Random numbers that come out the same for the same seed on every machine and Python."""

import math
import random

from crewline_reporting.generator.patterns import Lognormal, Weibull

_POISSON_EXACT_MAX = 30.0


class Chance:
    """Built on `random.random` alone, whose sequence Python guarantees; its other methods may change."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - simulation, not security
        self.unit = self._random.random

    def happens(self, share: float) -> bool:
        return self.unit() < share

    def below(self, bound: int) -> int:
        return int(self.unit() * bound)

    def normal(self) -> float:
        return math.sqrt(-2 * math.log(1 - self.unit())) * math.cos(2 * math.pi * self.unit())

    def lognormal(self, shape: Lognormal) -> float:
        return math.exp(shape.mean + shape.deviation * self.normal())

    def weibull(self, shape: Weibull) -> float:
        return shape.scale_s * math.pow(-math.log(1 - self.unit()), 1 / shape.shape)

    def poisson(self, mean: float) -> int:
        if mean > _POISSON_EXACT_MAX:
            return max(0, round(mean + math.sqrt(mean) * self.normal()))
        limit, product, count = math.exp(-mean), self.unit(), 0
        while product > limit:
            product *= self.unit()
            count += 1
        return count

    def pick(self, weights: list[float]) -> int:
        point = self.unit() * sum(weights)
        for index, weight in enumerate(weights):
            point -= weight
            if point < 0:
                return index
        return len(weights) - 1
