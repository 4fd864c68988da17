"""The `with` block against arithmetic by hand on the plain model."""

import numpy as np
import pytest
import torch
from plain_model import load_plain_model
from steering_reliability import InputError, StoredDirection, steered

TOKENS = torch.tensor([[5, 50, 100, 150, 200]])
VECTOR = torch.randn(32, generator=torch.Generator().manual_seed(1)) * 3
NORM = float(VECTOR.norm())
DIRECTION = StoredDirection(VECTOR, NORM, 7.0, {"layer": 1, "mean_projection_complying": -0.6})
OTHER = StoredDirection(VECTOR.flip(0), NORM, 3.0, {"layer": 2})


def by_hand(folder, *, layer, change):
    plain = load_plain_model(folder)
    for one in [layer] if isinstance(layer, int) else layer:
        plain.model.layers[one].register_forward_hook(lambda *call: change(call[2]))
    with torch.inference_mode():
        return plain(TOKENS).logits


def along(resid):
    return (resid @ VECTOR / NORM).unsqueeze(-1)


def at_its_length(resid):
    moved = resid + 0.5 * 7.0 * VECTOR / NORM
    return moved * resid.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize(
    ("asked", "layer", "change"),
    [
        ({"alpha": 0.5}, 1, lambda resid: resid + 0.5 * 7.0 * VECTOR / NORM),
        ({"alpha": -2.0, "alpha_unit": "unit"}, 1, lambda resid: resid - 2.0 * VECTOR),
        ({"alpha": 0.5, "layer": -1}, 2, lambda resid: resid + 0.5 * 7.0 * VECTOR / NORM),
        (
            {"alpha": 0.25, "intervention": "ablate", "layer": 0},
            0,
            lambda resid: resid - 0.25 * along(resid) * VECTOR / NORM,
        ),
        (
            {"alpha": 0.5, "intervention": "ablate_affine", "layer": "all"},
            range(3),
            lambda resid: resid - 0.5 * (along(resid) + 0.6) * VECTOR / NORM,
        ),
        (
            {"alpha": 0.3, "intervention": "clamp", "layer": "1-2"},
            (1, 2),
            lambda resid: resid + (2.1 - along(resid)) * VECTOR / NORM,
        ),
        ({"alpha": 0.5, "intervention": "add_keep_norm", "layer": [0, -1]}, (0, 2), at_its_length),
        ({"alpha": 1.0, "intervention": "ablate", "layer": "2"}, 2, lambda resid: resid - along(resid) * VECTOR / NORM),
    ],
)
def test_the_block_is_steered_as_by_hand_and_only_inside(tiny_folder, tiny_model, asked, layer, change):
    bridge = tiny_model.bridge
    with torch.inference_mode():
        before = bridge(TOKENS)
        with steered(bridge, direction=DIRECTION, **asked) as same:
            inside = bridge(TOKENS)
        after = bridge(TOKENS)
    assert same is bridge
    torch.testing.assert_close(inside, by_hand(tiny_folder, layer=layer, change=change), rtol=1e-4, atol=1e-4)
    assert torch.equal(before, after)
    assert not torch.allclose(before, inside, atol=1e-3)


def test_every_block_has_its_own_direction_and_both_hook_points_are_steered(tiny_folder, tiny_model):
    plain = load_plain_model(tiny_folder)
    for layer, change in ((1, 0.5 * 7.0 * VECTOR / NORM), (2, 0.5 * 3.0 * VECTOR.flip(0) / NORM)):
        plain.model.layers[layer].register_forward_pre_hook(lambda _, inputs, change=change: inputs[0] + change)
        plain.model.layers[layer].register_forward_hook(lambda *call, change=change: call[2] + change)
    given = {"direction": [DIRECTION, OTHER], "alpha": 0.5, "hook_point": "resid_both"}
    with torch.inference_mode():
        expected = plain(TOKENS).logits
        for layer in (None, "1-2", "1+2", [1, 2], np.array([1, 2]), [np.int64(1), 2]):
            with steered(tiny_model.bridge, **given, layer=layer):
                torch.testing.assert_close(tiny_model.bridge(TOKENS), expected, rtol=1e-4, atol=1e-4)


def test_the_hook_is_gone_after_an_error(tiny_model):
    with torch.inference_mode():
        before = tiny_model.bridge(TOKENS)
        with pytest.raises(ZeroDivisionError), steered(tiny_model.bridge, direction=DIRECTION, alpha=1.0):
            1 / 0  # noqa: B018
        assert torch.equal(tiny_model.bridge(TOKENS), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 3}, "3 blocks and no layer 3"),
        ({"layer": "1-3"}, "3 blocks and no layer 3"),
        ({"layer": "2-1"}, "'2-1' names no layers"),
        ({"layer": "first"}, "'first' names no layers"),
        ({"layer": ["1"]}, "names no layers"),
        ({"layer": 1.5}, "1.5 names no layers"),
        ({"layer": "1-2-from-1"}, "names no layers"),
        ({"layer": [2, -1]}, "named twice"),
        ({"layer": []}, "names no layers"),
        ({"layer": "all", "direction": [DIRECTION, OTHER]}, "2 directions for 3 blocks"),
        ({"direction": [DIRECTION, DIRECTION]}, "named twice"),
        ({"direction": OTHER, "intervention": "ablate_affine"}, "lacks mean_projection_complying"),
        ({"direction": StoredDirection(VECTOR, NORM, 7.0, {})}, "does not say its layer"),
        ({"direction": StoredDirection(VECTOR[:8], 1.0, 7.0, {"layer": 1})}, "has 8 numbers"),
        ({"alpha": float("nan")}, "argument alpha"),
        ({"intervention": "remove"}, "argument intervention"),
        ({"alpha_unit": "norm"}, "argument alpha_unit"),
        ({"hook_point": "resid_mid"}, "argument hook_point"),
    ],
)
def test_what_can_not_be_used_is_one_message(tiny_model, changes, message):
    asked = {"direction": DIRECTION, "alpha": 1.0} | changes
    with pytest.raises(InputError, match=message), steered(tiny_model.bridge, **asked):
        pass
