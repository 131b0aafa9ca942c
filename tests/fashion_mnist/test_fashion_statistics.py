"""Intervals and paired tests, against other ways to compute them."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp

from conformance.lab.fashion import statistics


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 29])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.92, 12.7])
def test_t_cdf_is_the_incomplete_beta_function(freedom, t):
    x = mp.mpf(freedom) / (freedom + mp.mpf(t) ** 2)
    exact = 1 - mp.betainc(mp.mpf(freedom) / 2, mp.mpf(1) / 2, 0, x, regularized=True) / 2
    assert round(statistics.t_cdf(t, freedom), 12) == round(float(exact), 12)
    assert round(statistics.t_cdf(-t, freedom), 12) == round(1 - float(exact), 12)


def test_t_quantile_is_that_of_the_tables():
    table = {(0.95, 1): 6.3138, (0.95, 2): 2.92, (0.975, 2): 4.3027, (0.975, 9): 2.2622}
    assert {k: round(statistics.t_quantile(*k), 4) for k in table} == table


@pytest.mark.parametrize(
    ("differences", "finding"),
    [
        ((0.1, -0.1, 0.05), "equivalent"),
        ((0.1, 0.11, 0.09), "equivalent"),  # though a smaller difference is shown
        ((2.0, 2.1, 2.2), "different"),
        ((1.0, -1.0, 0.3), "no difference shown"),
        ((0.0,), "no difference shown"),
        ((3.0,), "no difference shown"),
    ],
)
def test_a_paired_test_says_what_it_shows(differences, finding):
    found = statistics.paired(differences)
    assert found.finding == finding
    assert ("smaller difference" in found.says) == (differences == (0.1, 0.11, 0.09))


def test_intervals_of_a_share():
    assert round(100 * statistics.sampling_error(0.92, 10_000), 2) == 0.27
    low, high = statistics.wilson(0.9, 10_000)
    assert (round(low, 4), round(high, 4)) == (0.8940, 0.9057)
    assert statistics.wilson(1.0, 10)[1] == 1.0


def test_mcnemar_counts_images_of_one_alone():
    first = np.array([1] * 10 + [1] * 8 + [0] * 2 + [0] * 5, bool)
    second = np.array([1] * 10 + [0] * 8 + [1] * 2 + [0] * 5, bool)
    found = statistics.by_image(first, second)
    assert (found.only_first, found.only_second, found.images) == (8, 2, 25)
    assert found.p == 2 * (1 + 10 + 45) / 2**10
