import numpy as np
from numpy.random import default_rng
from recapture_alterations import TRIAL_NAMES
from recapture_calibration import weigh
from recapture_codes import COLLECTOR
from recapture_fit import EVERYONE, Fused, fit_without, fuse, join
from recapture_heads import Branches, Said, fit_branches, judge_left_out
from recapture_looks import Labels, Looks
from recapture_report import area
from recapture_simulated import CODE_COUNT

SIZE = 6
COLLECTORS = 5
EACH = 12
FOLDS = 2
PHOTOGRAPHS = 24
TRIED = 4


def known() -> Labels:
    kinds = np.array(["real", "screen", "real", "print"])
    labels = np.tile(kinds, COLLECTORS * EACH // 4)
    who = np.repeat([f"c{number}" for number in range(COLLECTORS)], EACH)
    return Labels(labels, who, np.zeros(len(labels), np.bool_))


def photographs() -> Labels:
    labels = np.tile(["real", "screen", "real", "print"], PHOTOGRAPHS // 4)
    folds = np.repeat([f"fold {number}" for number in range(FOLDS)], PHOTOGRAPHS // FOLDS)
    return Labels(labels, folds, np.zeros(PHOTOGRAPHS, np.bool_))


def looks(what: Labels, seed: int = 1) -> Looks:
    """Make features whose first number tells recaptures and whose second tells prints."""
    draw = default_rng(seed)

    def made(labels: np.ndarray, views: int) -> np.ndarray:
        rows = draw.normal(size=(len(labels), views, SIZE)).astype(np.float32)
        rows[..., 0] += np.where(labels == "real", -1.5, 1.5)[:, None]
        rows[..., 1] += np.where(labels == "print", 3.0, 0.0)[:, None]
        return rows

    def media(count: int, views: int) -> np.ndarray:
        parts = [made(np.full(count, name), views) for name in ("real", "screen", "print")]
        return np.concatenate(parts, axis=1)

    count = int((what.labels == "real").sum())
    return Looks(
        corners=(1, 2) if seed == 1 else (0, 3),
        squares=made(what.labels, 4),
        altered_squares=made(what.labels, 4),
        recompressed_squares=made(what.labels, 2),
        views=made(what.labels, 2),
        altered_views=made(what.labels, 4),
        simulated=media(count, 2),
        code_views=media(CODE_COUNT, 1),
        photo_squares=made(photographs().labels, 11),
        photo_views=made(photographs().labels, 9),
        tried={name: made(what.labels[::TRIED], 3) for name in TRIAL_NAMES},
    )


def both(what: Labels) -> dict[str, Looks]:
    return {"lite0": looks(what), "lite2": looks(what, 2)}


def fitted(
    what: Labels, seen: dict[str, Looks]
) -> tuple[dict[str, Branches], dict[str, Said], Fused]:
    branches = {name: fit_branches(what, photographs(), one, TRIED) for name, one in seen.items()}
    said = {
        name: judge_left_out(what, photographs(), one, branches[name], TRIED)
        for name, one in seen.items()
    }
    return branches, said, fuse(what, photographs(), said)


def test_what_can_be_told_is_told_of_collectors_left_out() -> None:
    what = known()
    _, said, fused = fitted(what, both(what))
    log_odds = fused.log_odds(join(said), what.collectors)
    assert area(log_odds, what.positive) > 0.98
    taken = what.positive
    for one in said.values():
        printed = one.printed[taken].mean(axis=1)
        assert area(printed, what.labels[taken] == "print") > 0.95
        assert one.tried["as it is"].shape == (-(-len(what.labels) // TRIED), 2)
    weights = fused.fusion().recaptured
    assert min(weights.lite0_squares, weights.lite2_squares) > 0
    assert min(weights.lite0_view, weights.lite2_view) > 0


def test_heads_put_together_say_what_each_said_alone() -> None:
    what = known()
    seen = both(what)
    branches, said, fused = fitted(what, seen)
    mine = what.collectors == "c2"
    for name, heads in fit_without(branches, fused, "c2").heads.items():
        logits = seen[name].squares[mine] @ heads.weights + heads.bias
        assert np.allclose(logits[..., 0], said[name].all_squares[mine])
        corners = list(seen[name].corners)
        assert np.allclose(logits[:, corners, 0], said[name].squares[mine])
        assert np.allclose(logits[:, corners, 1], said[name].printed[mine])
        views = seen[name].views[mine, 0] @ heads.weights + heads.bias
        assert np.allclose(views[:, 2], said[name].views[mine])


def test_a_fold_of_photographed_codes_has_no_influence_on_what_judges_it() -> None:
    what = known()
    seen, spoilt = looks(what), looks(what)
    spoilt.photo_squares[: PHOTOGRAPHS // FOLDS] *= -3
    spoilt.photo_views[: PHOTOGRAPHS // FOLDS] *= -3
    one, other = (fit_branches(what, photographs(), it, TRIED) for it in (seen, spoilt))
    for part in ("squares", "views", "printed"):
        before, after = getattr(one, part), getattr(other, part)
        for name in ("fold 0", COLLECTOR):
            assert np.allclose(before.without(name).weights, after.without(name).weights)
        assert not np.allclose(before.without("fold 1").weights, after.without("fold 1").weights)
        assert not np.allclose(before.everyone.weights, after.everyone.weights)


def test_photographed_codes_are_weighed_like_strangers() -> None:
    what = known()
    _, _, fused = fitted(what, both(what))
    fold, everyone = fused.fusion("fold 0"), fused.fusion(EVERYONE)
    assert fold.recaptured == everyone.recaptured
    assert fold.original_threshold == everyone.original_threshold


def test_nothing_that_judges_a_collector_was_weighed_with_that_collector() -> None:
    what = known()
    _, said, before = fitted(what, both(what))
    mine = what.collectors == "c3"
    for one in said.values():
        one.all_squares[mine] *= -5
        one.squares[mine] *= -5
        one.views[mine] *= -5
        one.printed[mine] *= -5
    after = fuse(what, photographs(), said)
    assert before.recaptured["c3"] == after.recaptured["c3"]
    assert before.original_threshold["c3"] == after.original_threshold["c3"]
    assert before.flattening["c3"] == after.flattening["c3"]
    assert before.printed["c3"] != after.printed[EVERYONE]
    assert {name: it["c3"] for name, it in before.patches.items()} == {
        name: it["c3"] for name, it in after.patches.items()
    }
    assert before.recaptured[EVERYONE] != after.recaptured[EVERYONE]


def test_log_odds_of_pictures_may_be_flattened_and_those_of_squares_are_not() -> None:
    what = known()
    _, said, fused = fitted(what, both(what))
    plain = weigh(join(said), what.positive)
    times = fused.flattening[EVERYONE]
    assert 0 < times <= 1
    assert np.allclose(fused.recaptured[EVERYONE].factors, np.array(plain.factors) * times)
    for name, one in said.items():
        alone = weigh(one.all_squares.reshape(-1, 1), np.repeat(what.positive, 4))
        assert fused.patches[name][EVERYONE] == alone
