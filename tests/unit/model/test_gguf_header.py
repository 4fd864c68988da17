"""The header of a GGUF file: what gguf's own reader finds, without its vocabulary."""

import gguf
import pytest
from steering_reliability.errors import InputError
from steering_reliability.model import gguf_header
from steering_reliability.model.gguf_header import read_header

TOKENS = [f"token {number}" for number in range(50)]


@pytest.fixture
def write(tmp_path):
    def make(*, vocabulary_first=False):
        path = tmp_path / "m.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        if vocabulary_first:
            writer.add_token_list(TOKENS)
            writer.add_token_scores([0.5] * len(TOKENS))
            writer.add_array("lists", [[1, 2], [3, 4]])
        writer.add_block_count(7)
        writer.add_license("mit")
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
        writer.add_float32("llama.rope.freq_base", 0.5)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        return path

    return make


@pytest.mark.parametrize("vocabulary_first", [False, True])
def test_what_is_asked_for_is_what_gguf_reads(write, vocabulary_first):
    path = write(vocabulary_first=vocabulary_first)
    wanted = ["*.block_count", "general.license", "general.file_type", "llama.rope.freq_base", "general.name"]
    found = read_header(path, wanted=wanted)
    # The file has no general.name.
    assert found == {
        "*.block_count": 7,
        "general.license": "mit",
        "general.file_type": 7,
        "llama.rope.freq_base": 0.5,
    }
    theirs = gguf.GGUFReader(path).fields
    assert found["*.block_count"] == theirs["llama.block_count"].contents()


def test_reading_ends_where_everything_is_found(write, monkeypatch):
    path = write(vocabulary_first=False)
    # Cut behind the license: what was found before it is enough.
    text = path.read_bytes()
    path.write_bytes(text[: text.index(b"mit") + 3])
    assert read_header(path, wanted=["*.block_count"]) == {"*.block_count": 7}
    with pytest.raises(InputError, match="not a readable GGUF file"):
        read_header(path, wanted=["general.file_type"])


def test_a_second_question_reads_nothing_and_a_changed_file_is_read_again(write, monkeypatch):
    path = write()
    assert read_header(path, wanted=["*.block_count"])["*.block_count"] == 7
    reads = []
    monkeypatch.setattr(gguf_header, "_string", lambda *place: reads.append(place) or (_ for _ in ()).throw(ValueError))
    assert read_header(path, wanted=["*.block_count"])["*.block_count"] == 7
    assert reads == []
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputError):
        read_header(path, wanted=["*.block_count"])
    assert len(reads) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"GGUF", b"GGUF" + bytes(20), b"GGUF\x03" + bytes(11) + b"\x01" + b"\xff" * 40, b"GGML" + bytes(60)],
)
def test_what_is_damaged_is_one_message(tmp_path, content):
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(InputError, match="not a readable GGUF file"):
        read_header(tmp_path / "m.gguf", wanted=["*.block_count"])
