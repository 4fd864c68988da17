"""The rule that chooses layers and strengths, by hand, and how often it is deceived."""

import numpy as np
import pytest
from scan_rows import made_rows
from steering_reliability.errors import InputError
from steering_reliability.scan.choose import choose

TARGETS = (0.1, 0.5, 2.0)
# Changes of -0.05 to 0.05 at a KL of 0.5: the band is far below the slopes of the tests.
CALM = {"random_0": [0.1, -0.1] * 5, "random_1": [-0.1, 0.1] * 5}


def chosen(slopes, *, layers=None, alphas=None, target_kl=TARGETS, **how):
    rows = made_rows({"main": slopes, **{name: values[: len(slopes)] for name, values in CALM.items()}}, **how)
    return choose(rows, layers=layers, alphas={"add": None} if alphas is None else alphas, target_kl=target_kl)


def test_three_layers_that_move_refusal_most_two_apart_and_strengths_by_kl():
    found = chosen([0, 2, 3, 9, 8, 7, 6, 5, -20, 4])
    # 4 is next to 3, and 6 is next to 5.
    assert found.layers == (3, 5, 7)
    # KL = 2 alpha^2.
    assert found.alphas == {"add": (0.22, 0.5, 1.0)}
    first, *by_layer, strengths = found.notes
    assert first == (
        "Layers 3, 5 and 7: of 10 layers they raise the refusal propensity on harm_train most at a first-token KL of "
        "0.5 nats on benign, at least 2 blocks apart."
    )
    assert by_layer[0].startswith("Layer 3: +4.50 nats at alpha 0.5 (random directions: up to +0.")
    assert by_layer[0].endswith("a KL of 0.1 to 2 nats takes alpha 0.22 to 1.")
    assert len(by_layer) == 3
    assert strengths == (
        "Strengths of add, by first-token KL on benign (geometric mean over layers 3, 5 and 7): "
        "alpha 0.22 for 0.1 nats; alpha 0.5 for 0.5 nats; alpha 1 for 2 nats."
    )


def test_layers_beyond_the_band_come_first_and_a_note_names_the_others():
    # Layer 8 moves refusal more than layer 0, but so do the random directions beside it.
    loud = [0.0] * 8 + [30.0, -30.0]
    rows = made_rows({"main": [4, 0, 0, 0, 0, 0, 0, 0, 8, 0], "random_0": loud, "random_1": loud})
    found = choose(rows, layers=None, alphas={"add": None}, target_kl=TARGETS)
    assert found.layers == (0, 2, 8)
    assert "At layers 2 and 8 it does not raise refusal more than random directions do." in found.notes


def test_no_layer_beyond_the_band_is_said_and_the_best_are_taken():
    loud = {"random_0": [30, -30] * 5, "random_1": [-30, 30] * 5}
    found = choose(
        made_rows({"main": [0, 2, 3, 9, 8, 7, 6, 5, -20, 4], **loud}),
        layers=None,
        alphas={"add": None},
        target_kl=TARGETS,
    )
    assert found.layers == (3, 5, 7)
    assert "At no layer does the direction raise refusal more than random directions do." in found.notes


def test_without_random_directions_nothing_is_said_about_a_band():
    found = choose(made_rows({"main": [1, 2, 3]}), layers=None, alphas={"add": None}, target_kl=TARGETS)
    assert found.layers == (0, 2)
    assert "(no band was measured)" in found.notes[1]
    assert found.notes[3].startswith("Too few random directions were measured")
    assert found.notes[4].startswith("There are not 3 layers to take")


def test_only_what_is_open_is_chosen():
    assert chosen([9, 0, 8, 0, 7], alphas={"add": (0.3,), "ablate": (1.0,)}).alphas is None
    mixed = chosen([9, 0, 8, 0, 7], alphas={"ablate": (1.0, 0.5), "add": None})
    assert list(mixed.alphas.items()) == [("ablate", (1.0, 0.5)), ("add", (0.22, 0.5, 1.0))]
    pinned = chosen([9, 0, 8, 0, 7], layers=[3])
    assert pinned.layers is None
    assert pinned.alphas == {"add": (0.22, 0.5, 1.0)}
    assert pinned.notes == (
        "Strengths of add, by first-token KL on benign at layer 3: alpha 0.22 for 0.1 nats; alpha 0.5 for 0.5 nats; "
        "alpha 1 for 2 nats.",
    )
    assert chosen([9.0], layers=[0], alphas={"add": (0.3,)}).notes == ()


def test_strengths_are_those_of_the_geometric_mean_over_the_layers():
    # KL = 8 alpha^2 and 0.5 alpha^2: their geometric mean is 2 alpha^2.
    assert chosen([9, 0, 8], layers=[0, 2], kl=[8.0, 1000.0, 0.5]).alphas == {"add": (0.22, 0.5, 1.0)}


def test_layers_within_the_band_do_not_set_the_strengths_where_others_exceed_it():
    # A KL takes 5.7 times the strength at layer 8 that it takes at layer 0.
    loud = [0.0] * 8 + [30.0, -30.0]
    rows = made_rows(
        {"main": [4, 0, 0, 0, 0, 0, 0, 0, 8, 0], "random_0": loud, "random_1": loud}, kl=[8.0, *[2.0] * 7, 0.25, 2.0]
    )
    found = choose(rows, layers=None, alphas={"add": None}, target_kl=TARGETS)
    assert found.layers == (0, 2, 8)
    # KL = 8 alpha^2.
    assert found.alphas == {"add": (0.11, 0.25, 0.5)}
    assert "Strengths of add, by first-token KL on benign at layer 0: " in found.notes[-1]


def test_each_intervention_has_its_own_strengths():
    calm = {"main": [9, 0, 8]}
    rows = made_rows(calm) + made_rows(calm, kl=8.0, intervention="add_keep_norm")
    found = choose(rows, layers=[0, 2], alphas={"add": None, "add_keep_norm": None}, target_kl=TARGETS)
    assert found.alphas == {"add": (0.22, 0.5, 1.0), "add_keep_norm": (0.11, 0.25, 0.5)}


def test_a_strength_far_beyond_the_scan_ends_there_and_two_that_are_the_same_are_one():
    # KL = 0.1 alpha^2: 0.1 nats at alpha 1, the others beyond 1.6.
    found = chosen([9, 0, 8], layers=[0, 2], kl=0.1)
    assert found.alphas == {"add": (1.0, 1.6)}
    assert found.notes[0].endswith("alpha 1 for 0.1 nats; alpha 1.6 for 0.5 and 2 nats.")
    assert found.notes[1:] == tuple(
        f"A KL of {target} nats lies more than a factor of 2 beyond the strengths of the scan: alpha 1.6 is as far as "
        "it goes."
        for target in ("0.5", "2")
    )
    weak = chosen([9, 0, 8], layers=[0, 2], kl=1000.0)
    assert weak.alphas == {"add": (0.05,)}


def test_a_kl_that_no_layer_reaches_is_an_error_with_a_way_out():
    with pytest.raises(InputError, match=r"no layer has a strength near those of the scan .* KL is 0.5 nats") as caught:
        chosen([9, 0, 8], kl=0.001)
    assert caught.value.where == "config key scan.strengths"
    assert "above 0.8" in caught.value.fix


def test_a_layer_that_was_left_out_has_no_strengths():
    with pytest.raises(InputError, match="not measured layer 7"):
        chosen([9, 0, 8], layers=[0, 7])


def test_changed_targets_change_the_choice_alone():
    kl = [8.0, 2.0, 2.0, 2.0, 0.5]
    assert chosen([9, 0, 8, 0, 7], kl=kl, target_kl=(0.5,)).alphas == {"add": (0.5,)}
    assert chosen([9, 0, 8, 0, 7], kl=kl, target_kl=(0.08, 0.5)).alphas == {"add": (0.2, 0.5)}


@pytest.mark.parametrize(("n_layers", "n_random"), [(30, 2), (12, 2), (30, 4)])
def test_a_random_direction_exceeds_the_band_at_any_layer_in_about_one_scan_of_twenty(n_layers, n_random):
    """The main direction is one more random one; all of them have an effect that grows with the layer."""
    rng = np.random.default_rng(0)
    runs, deceived = 300, 0
    for _ in range(runs):
        scale = np.linspace(1.0, 2.0, n_layers)
        slopes = {
            name: list(0.5 + scale * rng.standard_normal(n_layers))
            for name in ("main", *(f"random_{number}" for number in range(n_random)))
        }
        found = choose(made_rows(slopes), layers=None, alphas={"add": None}, target_kl=TARGETS)
        none = "At no layer does the direction raise refusal more than random directions do."
        deceived += none not in found.notes
    # Two standard errors above 5%.
    assert deceived / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_a_note_says_where_a_kl_lies_beyond_the_scan_and_which_way_refusal_moves():
    # A KL of 20 nats is at alpha 3.2, and the scan goes to 0.8 and is believed up to twice as far.
    notes = " ".join(chosen([-1.0] * 10, target_kl=(0.1, 0.5, 20.0)).notes)
    assert "a KL of 0.1 to 20 nats takes alpha 0.22 to more than 1.6." in notes
    assert "they raise" not in notes
    assert "At no layer does the direction raise refusal more than random directions do." in notes
