"""Stub."""


def draw_scan_prompts(prompts, *, share, limit, seed, cluster_field):
    n = min(limit, round(share * len(prompts)))
    return {p.id for p in prompts[:n]}
