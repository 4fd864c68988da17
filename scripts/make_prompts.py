#!/usr/bin/env python3
"""Make the three prompt sets from templates, or take in a user's own file as one of them. Needs no network."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from steering_reliability.errors import InputError
from steering_reliability.prompts.check import check_disjoint, check_shift
from steering_reliability.prompts.generate import generate_prompts
from steering_reliability.prompts.ingest import FieldNames, ingest_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS, Prompt, to_jsonl, write_prompts


def main() -> int:
    """Run the command; user errors are one message and exit code 1."""
    args = _parse()
    try:
        made = _ingest(args) if args.ingest else _generate(args)
        _write(made, args.out_dir, force=args.force)
        if args.ingest:
            _compare_with_neighbors(args.split, args.out_dir)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  python scripts/make_prompts.py --out_dir prompts --n_train 150 --n_test 150 --n_benign 200 --seed 0\n"
        "  python scripts/make_prompts.py --out_dir my_prompts --ingest behaviors.csv --split harm_test \\\n"
        "      --prompt-field Goal --id-field Index --family-field Category",
    )
    parser.add_argument("--out_dir", "--out-dir", type=Path, required=True, help="folder for {split}.jsonl")
    parser.add_argument("--force", action="store_true", help="replace prompts files that are already there")
    make = parser.add_argument_group("from templates")
    make.add_argument("--n_train", "--n-train", type=int, default=150, help="prompts in harm_train (default 150)")
    make.add_argument("--n_test", "--n-test", type=int, default=150, help="prompts in harm_test (default 150)")
    make.add_argument("--n_benign", "--n-benign", type=int, default=200, help="prompts in benign (default 200)")
    make.add_argument("--seed", type=int, default=0, help="order and choice of prompts (default 0)")
    take = parser.add_argument_group("from a file of your own")
    take.add_argument("--ingest", type=Path, metavar="FILE", help="a .csv, .tsv, .json or .jsonl file")
    take.add_argument("--split", choices=SPLITS, help="the split that it becomes")
    take.add_argument(
        "--prompt-field", "--prompt_field", default="prompt", help='default "prompt"; "meta.x" reaches in'
    )
    take.add_argument("--id-field", "--id_field", help="without it, ids are made")
    take.add_argument("--family-field", "--family_field", help='without it, every family is "unknown"')
    take.add_argument("--style-field", "--style_field", help='without it, every style is "unknown"')
    args = parser.parse_args()
    if (args.ingest is None) != (args.split is None):
        parser.error("--ingest and --split go together")
    return args


def _generate(args: argparse.Namespace) -> dict[str, list[Prompt]]:
    sizes = {"harm_train": args.n_train, "harm_test": args.n_test, "benign": args.n_benign}
    made = {split: generate_prompts(split, n=n, seed=args.seed) for split, n in sizes.items()}
    check_disjoint(made)
    check_shift(made["harm_train"], made["harm_test"])
    return made


def _ingest(args: argparse.Namespace) -> dict[str, list[Prompt]]:
    fields = FieldNames(prompt=args.prompt_field, id=args.id_field, family=args.family_field, style=args.style_field)
    ingested = ingest_prompts(args.ingest, split=args.split, fields=fields)
    for note in ingested.notes:
        print(f"note: {note}")
    return {args.split: ingested.prompts}


def _write(made: dict[str, list[Prompt]], out_dir: Path, *, force: bool) -> None:
    paths = {split: out_dir / f"{split}.jsonl" for split in made}
    try:
        same = {split: path.exists() and path.read_bytes() == to_jsonl(made[split]) for split, path in paths.items()}
        kept = [str(path) for split, path in paths.items() if path.exists() and not same[split]]
        if kept and not force:
            raise InputError(
                "there are other prompts already, and nothing was written",
                where=", ".join(kept),
                fix="give another --out_dir, or --force to replace them",
            )
        for split, path in paths.items():
            if not same[split]:
                write_prompts(made[split], path=path)
            print(f"{path}: {len(made[split])} prompts{' (as it was)' if same[split] else ''}")
    except OSError as error:
        raise InputError(
            f"cannot write: {error.strerror}", where=str(out_dir), fix="choose another --out_dir"
        ) from None


def _compare_with_neighbors(split: str, out_dir: Path) -> None:
    """Tell, without failing, how the ingested split goes with the prompts files beside it."""
    try:
        paths = {name: out_dir / f"{name}.jsonl" for name in SPLITS}
        present = {name: read_prompts(path, split=name) for name, path in paths.items() if path.exists()}
        check_disjoint(present)
        if split != "benign" and {"harm_train", "harm_test"} <= present.keys():
            for note in check_shift(present["harm_train"], present["harm_test"]):
                print(f"note: {note}")
    except InputError as error:
        print(f"warning: the workflow will refuse these prompts together: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
