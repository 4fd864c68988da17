#!/usr/bin/env bash
# All checks of vLLM that need a GPU, in under 8 minutes, and one table: scripts/gpu_check.sh [MODEL FOLDER]
# Needs .venv (make .venv/ready) and .venv-vllm (make .venv-vllm/ready VLLM=gpu).
set -euo pipefail
cd "$(dirname "$0")/.."

model=${1:-$(dirname "$(ls results/models/SmolLM2-*/config.json 2>/dev/null | grep -v refusal | head -1)")}
python=${STEERING_VLLM_PYTHON:-.venv-vllm/bin/python}
[ -x "$python" ] || { echo "there is no vLLM in $python: make .venv-vllm/ready VLLM=gpu" >&2; exit 1; }
[ -f "$model/config.json" ] || { echo "there is no model in $model: make $model/config.json" >&2; exit 1; }
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader || { echo "there is no NVIDIA GPU here" >&2; exit 1; }
export STEERING_VLLM_PYTHON=$python
export PYTHONPATH=workflow:tests:tests/vllm
exec timeout 470 .venv/bin/python tests/vllm/check.py --model "$model" --dtype float32 --dtype bfloat16
