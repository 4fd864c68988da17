"""Which keys and values requests may share: vLLM's prefix cache knows tokens, and steering changes what they become."""

from typing import Any

from steering_reliability.vllm_engine.tasks import Task, task_of


def extra_keys(task: Task | None, *, end: int) -> tuple[str, ...]:
    """What tells a block of a request's tokens, which ends before `end`, from those of others with the same tokens."""
    return tuple(name for first, name in task.salts if end > first) if task else ()


def salt_prefix_cache() -> None:
    """Have vLLM's block hashes include the salts of a request, from the first salted token on.

    vLLM's own `cache_salt` tells whole requests apart; then conditions that leave the prompt as it is could not share
    what was read of it.
    """
    from vllm.v1.core import kv_cache_utils  # noqa: PLC0415 - in the worker's own environment alone

    plain = kv_cache_utils.generate_block_hash_extra_keys
    if getattr(plain, "is_salted", False):
        return

    def salted(request: Any, start_token_idx: int, end_token_idx: int, start_mm_idx: int) -> tuple[Any, int]:
        keys, mm_index = plain(request, start_token_idx, end_token_idx, start_mm_idx)
        ours = extra_keys(task_of(request.sampling_params), end=end_token_idx)
        return ((*(keys or ()), *ours) or None), mm_index

    salted.is_salted = True  # type: ignore[attr-defined]
    kv_cache_utils.generate_block_hash_extra_keys = salted
