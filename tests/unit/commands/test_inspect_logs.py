"""How a run is parted into logs; what is in them is read back in tests/other_tools."""

import json
import sys

import pytest
from steering_reliability.commands.inspect_logs import slices_of, write_inspect_logs
from steering_reliability.errors import InputError
from synthetic_run import realistic_results


def test_every_completion_is_in_one_log_and_the_unsteered_ones_are_not_repeated():
    results = realistic_results()
    slices = list(slices_of(results))
    names, titles = [one.name for one in slices], [one.title for one in slices]
    assert len(set(names)) == len(set(titles)) == len(slices)
    assert sum(len(one.rows) for one in slices if one.is_steered) == (~results["from_baseline"]).sum()
    plain = [one for one in slices if not one.is_steered]
    assert {(one.point["seed"], one.split, len(one.rows)) for one in plain} == {
        *((0, split, 60) for split in ("harm_train", "harm_test", "benign")),
        *((1, split, 40) for split in ("harm_train", "harm_test", "benign")),
    }


def test_a_log_s_name_and_title_say_what_it_is():
    found = {one.name: one.title for one in slices_of(realistic_results())}
    assert (
        found["harm_test_main_contrastive_prefix_add_layer_14_alpha_0.4_seed_0"]
        == "harm_test: add, layer 14, alpha 0.4"
    )
    assert found["benign_random_random_add_layer_14_alpha_0.4_seed_0"] == "benign: random, add, layer 14, alpha 0.4"
    assert found["harm_test_alt_seed_contrastive_prefix_add_layer_14_alpha_0.4_seed_1"] == (
        "harm_test: seed 1, add, layer 14, alpha 0.4"
    )
    assert found["benign_unsteered_seed_1"] == "benign: unsteered, seed 1"


def test_without_inspect_the_message_says_how_to_get_it(finished, tmp_path, monkeypatch):
    (finished / "provenance.json").write_text(json.dumps({"config": {}}), encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "inspect_ai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    with pytest.raises(InputError, match=r'pip install "steering-reliability\[inspect\]"'):
        list(write_inspect_logs(finished, output=tmp_path / "logs"))
    assert not (tmp_path / "logs").exists()
