"""Tokens a second of pyvene on the work that comes on stdin; runs in the venv of `make bench-peers`."""

import json
import sys
import time

import pyvene
import torch
from transformers import AutoModelForCausalLM


def main() -> None:
    """Write everything once, after one short warm-up, and print the speed."""
    work = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(work["folder"], torch_dtype=getattr(torch, work["dtype"]))
    model = model.to(work["device"]).eval()
    unit = torch.randn(model.config.hidden_size, generator=torch.Generator().manual_seed(0))
    push = (work["strength"] * unit / unit.norm()).to(device=work["device"], dtype=model.dtype)
    layer = model.config.num_hidden_layers // 2
    place = {"layer": layer, "component": "block_output", "intervention": lambda base, source: base + push}
    steered = pyvene.IntervenableModel(place, model=model)
    write(steered, work, tokens=work["tokens"][:2], new_tokens=2)
    start = time.perf_counter()
    written = write(steered, work, tokens=work["tokens"], new_tokens=work["new_tokens"])
    print(written / (time.perf_counter() - start))


def write(steered: pyvene.IntervenableModel, work: dict, *, tokens: list[list[int]], new_tokens: int) -> int:
    """Number of tokens written; left-padded, greedy, steered at every position."""
    total = 0
    for start in range(0, len(tokens), work["batch"]):
        rows = tokens[start : start + work["batch"]]
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=work["device"])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=work["device"])
        with torch.inference_mode():
            _, written = steered.generate(
                {"input_ids": ids, "attention_mask": mask},
                intervene_on_prompt=True,
                min_new_tokens=new_tokens,
                max_new_tokens=new_tokens,
                do_sample=False,
                pad_token_id=0,
            )
        total += (written.shape[1] - longest) * len(rows)
    return total


if __name__ == "__main__":
    main()
