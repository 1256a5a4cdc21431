import numpy as np
import pytest
from numpy.random import default_rng
from recapture_discriminant import (
    Axes,
    Form,
    find_axes,
    fit,
    fit_left_out,
    gather,
)
from recapture_looks import Labels
from recapture_shifts import gather_shifts
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

DIMENSIONS = 5
PLAIN = Form(power=0.0, between=0.0, ridge=0.1, least_pictures=1)


def made(seed: int, per_class: int, collectors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make features of shape (N, 2, D): correlated, two classes, each collector a little off."""
    draw = default_rng(seed)
    mixing = draw.normal(size=(DIMENSIONS, DIMENSIONS))
    count = 2 * per_class * collectors
    positive = np.arange(count) % 2 == 1
    who = np.array([f"c{number // (2 * per_class)}" for number in range(count)])
    features = draw.normal(size=(count, 2, DIMENSIONS)) @ mixing
    features += np.where(positive, 1.5, 0.0)[:, None, None]
    features += np.array([draw.normal(size=DIMENSIONS) * 0.5 for _ in range(collectors)])[
        np.arange(count) // (2 * per_class)
    ][:, None]
    return features.astype(np.float32), positive, who


def labels(positive: np.ndarray, who: np.ndarray) -> Labels:
    return Labels(np.where(positive, "screen", "real"), who, np.zeros(len(who), np.bool_))


def unscaled() -> Axes:
    return Axes(np.zeros(DIMENSIONS, np.float32), np.ones(DIMENSIONS, np.float32))


def test_one_collector_and_equal_weights_give_what_scikit_learn_gives() -> None:
    features, positive, who = made(1, 60, 1)
    found = fit(unscaled(), gather(unscaled(), [features], positive, who), PLAIN)
    shrinkage = PLAIN.ridge / (1 + PLAIN.ridge)
    known = LinearDiscriminantAnalysis("lsqr", shrinkage=shrinkage, priors=[0.5, 0.5])
    known.fit(features.reshape(-1, DIMENSIONS), np.repeat(positive, 2))
    wanted = known.decision_function(features.reshape(-1, DIMENSIONS)) / (1 + PLAIN.ridge)
    means = [features[positive == side].mean(axis=(0, 1)) for side in (False, True)]
    apart = known.decision_function(np.array(means)) / (1 + PLAIN.ridge)
    wanted /= np.sqrt(apart[1] - apart[0])
    assert np.allclose(found.scores(features).ravel(), wanted, rtol=1e-4, atol=1e-4)


def test_scaling_of_the_axes_is_folded_into_the_weights() -> None:
    features, positive, who = made(2, 40, 2)
    axes = find_axes(features)
    found = fit(axes, gather(axes, [features], positive, who), PLAIN)
    scaled = axes.apply(features)
    plain = fit(unscaled(), gather(unscaled(), [scaled], positive, who), PLAIN)
    assert np.allclose(found.scores(features), plain.scores(scaled), atol=1e-3)


def test_the_noise_of_scores_is_one_whatever_the_features_scale() -> None:
    features, positive, who = made(9, 400, 1)
    for times in (1, 30):
        axes = find_axes(times * features)
        moments = gather(axes, [times * features], positive, who)
        found = fit(axes, moments, Form(between=0, ridge=1e-6, least_pictures=1))
        scores = found.scores(times * features)
        inside = np.mean([scores[positive == side].var() for side in (False, True)])
        assert inside == pytest.approx(1, abs=0.01)


def test_a_collector_left_out_has_no_influence_at_all() -> None:
    features, positive, who = made(3, 30, 3)
    spoilt = features.copy()
    spoilt[who == "c1"] *= -40
    axes = unscaled()
    form = Form(least_pictures=1)
    clean = fit(axes, gather(axes, [features], positive, who), form, "c1")
    other = fit(axes, gather(axes, [spoilt], positive, who), form, "c1")
    assert np.array_equal(clean.weights, other.weights)
    assert clean.bias == other.bias


def test_each_picture_is_scored_by_the_discriminant_that_has_not_seen_its_collector() -> None:
    features, positive, who = made(4, 30, 3)
    axes = find_axes(features)
    moments = gather(axes, [features], positive, who)
    form = Form(least_pictures=1)
    scores = fit_left_out(axes, moments, form).scores(features, who)
    for collector in ("c0", "c1", "c2"):
        alone = fit(axes, moments, form, collector)
        mine = who == collector
        assert np.allclose(scores[mine], alone.scores(features[mine]))


def test_somebody_unknown_is_scored_by_what_was_fitted_on_all() -> None:
    features, positive, who = made(5, 30, 2)
    axes = find_axes(features)
    fitted = fit_left_out(axes, gather(axes, [features], positive, who), Form(least_pictures=1))
    assert fitted.without("stranger") is fitted.everyone


def test_views_given_in_parts_count_as_views_given_at_once() -> None:
    features, positive, who = made(6, 20, 2)
    axes = unscaled()
    at_once = gather(axes, [features], positive, who)
    in_parts = gather(axes, [features[:, :1], features[:, 1:]], positive, who)
    for one, other in zip(at_once, in_parts, strict=True):
        assert one.picture_count == other.picture_count
        assert np.allclose(one.mean, other.mean, atol=1e-5)
        assert np.allclose(one.scatter, other.scatter, atol=1e-4)


def test_directions_in_which_collectors_differ_count_less() -> None:
    draw = default_rng(7)
    count, collectors = 400, 8
    positive = np.arange(count) % 2 == 1
    place = np.arange(count) // (count // collectors)
    who = np.array([f"c{number}" for number in place])
    features = draw.normal(size=(count, 1, 2)).astype(np.float32)
    features[positive] += 1.0
    features[:, 0, 0] += draw.normal(size=2 * collectors)[2 * place + positive] * 3
    axes = Axes(np.zeros(2, np.float32), np.ones(2, np.float32))
    moments = gather(axes, [features], positive, who)
    careless, careful = (
        np.abs(fit(axes, moments, Form(between=share)).weights) for share in (0.0, 0.5)
    )
    assert careful[0] / careful[1] < careless[0] / careless[1]


def test_too_few_pictures_are_left_aside() -> None:
    features, positive, who = made(8, 2, 2)
    with pytest.raises(ValueError, match="no pictures of class False"):
        fit(unscaled(), gather(unscaled(), [features], positive, who), Form(least_pictures=3))


def test_a_direction_in_which_an_alteration_moves_pictures_counts_less() -> None:
    features, positive, who = made(10, 40, 3)
    axes = unscaled()
    moments = gather(axes, [features], positive, who)
    moved = np.zeros((len(features), DIMENSIONS), np.float32)
    moved[:, 0] = 2.0
    form = Form(least_pictures=1)
    plain = fit(axes, moments, form)
    sizes = [abs(moved[0] @ plain.weights)]
    for worth in (0.3, 30.0):
        shifts = gather_shifts(axes.scale, "moved", worth, moved, labels(positive, who))
        sizes.append(abs(moved[0] @ fit(axes, moments, form, shifts=shifts).weights))
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] < 0.1 * sizes[0]


def test_what_alterations_do_to_a_collector_left_out_has_no_influence() -> None:
    features, positive, who = made(11, 30, 3)
    axes = unscaled()
    moments = gather(axes, [features], positive, who)
    moved = default_rng(12).normal(size=(len(features), DIMENSIONS)).astype(np.float32)
    spoilt = np.where((who == "c1")[:, None], -9 * moved, moved).astype(np.float32)
    one, other = (
        fit_left_out(
            axes,
            moments,
            Form(),
            gather_shifts(axes.scale, "moved", 1.0, each, labels(positive, who)),
        )
        for each in (moved, spoilt)
    )
    assert np.array_equal(one.without("c1").weights, other.without("c1").weights)
    assert not np.array_equal(one.without("c2").weights, other.without("c2").weights)
