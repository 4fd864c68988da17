"""What people write themselves: Hugging Face `generate` with a hook, and passes for the columns of a run."""

from pathlib import Path
from typing import Any

import torch
from steering_reliability.model.loading import load_tokenizer, render_prompt
from torch import Tensor

OPENINGS = ("I'm sorry", "Sure")


class PlainScript:
    """A model with a hook that adds a vector at one block, behind each prompt's last token."""

    def __init__(self, folder: Path, *, dtype: torch.dtype) -> None:
        from transformers import AutoModelForCausalLM

        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        self.tokenizer = load_tokenizer(folder)
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.tokenizer.padding_side = "left"
        vector = torch.randn(self.model.config.hidden_size, generator=torch.Generator().manual_seed(0))
        self.unit = (vector / vector.norm()).to(dtype)

    def write(self, prompts: list[str], *, layer: int, strength: float, new_tokens: int, seed: int) -> int:
        """Write a batch with every column, and count its tokens up to the end."""
        torch.manual_seed(seed)
        texts = [self.tokenizer.decode(render_prompt(one, tokenizer=self.tokenizer).tokens) for one in prompts]
        inputs = self.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        start = inputs.input_ids.shape[1]
        with torch.inference_mode():
            handle = self._steer(layer, strength=strength)
            done = self.model.generate(
                **inputs, max_new_tokens=new_tokens, do_sample=True, temperature=0.7, top_p=1.0, top_k=0,
                output_logits=True, return_dict_in_generate=True, pad_token_id=self.tokenizer.pad_token_id,
            )  # fmt: skip
            written = done.sequences[:, start:]
            known = self._until_end(written)
            logprobs = torch.stack(done.logits, dim=1).float().log_softmax(dim=-1)
            mean_logprob = _mean(logprobs.gather(2, written.unsqueeze(2)).squeeze(2), known)
            mean_entropy = _mean(-(logprobs.exp() * logprobs).sum(dim=-1), known)
            openings = [self._opening(inputs, text) for text in OPENINGS]
            handle.remove()
            mask = torch.cat([inputs.attention_mask, known.long()], dim=1)
            base = self.model(input_ids=done.sequences, attention_mask=mask).logits[:, start - 1 : -1]
            base = base.float().log_softmax(dim=-1)
            base_logprob = _mean(base.gather(2, written.unsqueeze(2)).squeeze(2), known)
            first_token_kl = (logprobs[:, 0].exp() * (logprobs[:, 0] - base[:, 0])).sum(dim=-1)
        completions = self.tokenizer.batch_decode(written, skip_special_tokens=True)
        self.rows = list(
            zip(completions, mean_logprob, mean_entropy, first_token_kl, base_logprob, *openings, strict=True)
        )
        return int(known.sum())

    def _steer(self, layer: int, *, strength: float) -> Any:
        added = strength * self.unit

        def hook(_: Any, __: Any, output: Any) -> Any:
            # Of the prompt its last token alone.
            hidden = output[0] if isinstance(output, tuple) else output
            hidden[:, -1] += added
            return output

        return self.model.model.layers[layer].register_forward_hook(hook)

    def _opening(self, inputs: Any, text: str) -> Tensor:
        tokens = self.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        n = len(inputs.input_ids)
        ids = torch.cat([inputs.input_ids, tokens.expand(n, -1)], dim=1)
        mask = torch.cat([inputs.attention_mask, torch.ones(n, tokens.shape[1], dtype=torch.long)], dim=1)
        logits = self.model(input_ids=ids, attention_mask=mask).logits[:, -tokens.shape[1] - 1 : -1]
        return logits.float().log_softmax(dim=-1).gather(2, ids[:, -tokens.shape[1] :, None]).squeeze(2).sum(dim=1)

    def _until_end(self, written: Tensor) -> Tensor:
        ends = torch.isin(written, torch.tensor(self.model.generation_config.eos_token_id))
        return (ends.cumsum(dim=1) - ends.long()) == 0


def _mean(values: Tensor, known: Tensor) -> Tensor:
    return (values * known).sum(dim=1) / known.sum(dim=1)
