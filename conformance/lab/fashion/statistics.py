"""Intervals and paired tests, using only the standard library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, fmean, stdev

MARGIN = 0.5  # points: closer than that counts as equivalent
LEVEL = 0.05  # the significance level of every test


class Finding(StrEnum):
    """What a paired test can say."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    NOT_SHOWN = "no difference shown"


def t_cdf(t: float, freedom: int) -> float:
    """P(T <= t) for Student's t with a whole number of degrees of freedom (Abramowitz & Stegun 26.7.3, 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom % 2 == 0:
        term = total = 1.0
        for k in range(2, freedom - 1, 2):
            term *= (k - 1) / k * cosine**2
            total += term
        within = sine * total
    else:
        term = total = cosine if freedom > 1 else 0.0
        for k in range(3, freedom - 1, 2):
            term *= (k - 1) / k * cosine**2
            total += term
        within = 2 / math.pi * (angle + sine * total)
    return (1 + within) / 2


def t_quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = probability, for a probability of at least one half, by bisection."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < probability else (low, middle)
    return high


@dataclass(frozen=True)
class PairedDifference:
    """Differences between pairs, in points of accuracy, and what they show."""

    differences: tuple[float, ...]
    mean: float
    spread: float | None  # standard deviation over the pairs
    low: float | None  # the interval of the two one-sided tests at LEVEL: 90 %
    high: float | None
    finding: Finding
    says: str


def paired(differences: Sequence[float], margin: float = MARGIN) -> PairedDifference:
    """Two one-sided t tests of the mean difference against +-margin (Schuirmann 1987), and one against zero.

    EQUIVALENT: the 90 % interval of the mean is within the margin. DIFFERENT: not equivalent, and the 95 % interval
    excludes zero. NOT_SHOWN: neither, which does not prove that there is no difference.
    """
    values, n = tuple(float(d) for d in differences), len(differences)
    mean = fmean(values)
    if n < 2:
        return PairedDifference(values, mean, None, None, None, Finding.NOT_SHOWN, "one pair: no test is possible")
    spread = stdev(values)
    error = spread / math.sqrt(n)
    half = t_quantile(1 - LEVEL, n - 1) * error
    low, high = mean - half, mean + half
    apart = abs(mean) > t_quantile(1 - LEVEL / 2, n - 1) * error
    if -margin < low and high < margin:
        also = ", and a smaller difference is shown" if apart else ""
        return PairedDifference(
            values, mean, spread, low, high, Finding.EQUIVALENT, f"equivalent within {margin} points{also}"
        )
    if apart:
        return PairedDifference(values, mean, spread, low, high, Finding.DIFFERENT, "a difference is shown")
    says = f"neither a difference nor equivalence within {margin} points is shown"
    return PairedDifference(values, mean, spread, low, high, Finding.NOT_SHOWN, says)


def sampling_error(accuracy: float, images: int) -> float:
    """The standard error of an accuracy over samples of this many images."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


def wilson(accuracy: float, images: int, level: float = LEVEL) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927)."""
    z = NormalDist().inv_cdf(1 - level / 2)
    middle = (accuracy + z * z / (2 * images)) / (1 + z * z / images)
    half = z / (1 + z * z / images) * math.sqrt(accuracy * (1 - accuracy) / images + z * z / (4 * images**2))
    return middle - half, middle + half


@dataclass(frozen=True)
class Images:
    """Two classifiers on the same images (McNemar 1947)."""

    only_first: int  # images that only the first gets right
    only_second: int
    images: int
    p: float  # exact: how often a fair coin would split them at least as unevenly

    @property
    def disagree(self) -> float:
        """The share of images that only one of them gets right."""
        return (self.only_first + self.only_second) / self.images


def by_image(first: Sequence[bool], second: Sequence[bool]) -> Images:
    """How often each of two classifiers is right where the other is wrong."""
    b = sum(1 for x, y in zip(first, second, strict=True) if x and not y)
    c = sum(1 for x, y in zip(first, second, strict=True) if y and not x)
    n, least = b + c, min(b, c)
    tail = sum(math.comb(n, k) for k in range(least + 1))
    return Images(b, c, len(first), min(1.0, float(2 * tail / 2**n)) if n < 1000 else _far(b, c))


def _far(b: int, c: int) -> float:
    """For large counts: the normal distribution with continuity correction."""
    return min(1.0, 2 * NormalDist().cdf(-max(0.0, abs(b - c) - 1) / math.sqrt(b + c)))
