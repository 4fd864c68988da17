#!/usr/bin/env python3
"""Make the three prompt sets from templates, or import a file of prompts as one of them. Needs no network."""

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

PROJECT = Path(__file__).resolve().parents[1] / "prompts"


def main() -> int:
    """Run the command; user errors are one message and exit code 1."""
    args = _parse()
    try:
        made = _ingest(args) if args.ingest else _generate(args)
        _write(made, args.out_dir, force=args.force)
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
        "      --prompt-field Goal --id-field Index --family-field Category --where Source=Original",
    )
    parser.add_argument("--out_dir", "--out-dir", type=Path, required=True, help="folder for {split}.jsonl")
    parser.add_argument("--force", action="store_true", help="replace prompts files that are already there")
    make = parser.add_argument_group("from templates")
    make.add_argument("--n_train", "--n-train", type=int, default=150, help="prompts in harm_train (default 150)")
    make.add_argument("--n_test", "--n-test", type=int, default=150, help="prompts in harm_test (default 150)")
    make.add_argument("--n_benign", "--n-benign", type=int, default=200, help="prompts in benign (default 200)")
    make.add_argument("--seed", type=int, default=0, help="order and choice of prompts (default 0)")
    take = parser.add_argument_group("from a file of prompts")
    take.add_argument("--ingest", type=Path, metavar="FILE", help="a .csv, .tsv, .json, .jsonl or .txt file")
    take.add_argument("--split", choices=SPLITS, help="split to write it as")
    take.add_argument(
        "--prompt-field", "--prompt_field", default="prompt", help='default "prompt"; "meta.x" reads a nested field'
    )
    take.add_argument("--id-field", "--id_field", help="default: ids are generated")
    take.add_argument("--family-field", "--family_field", help='without it, every family is "unknown"')
    take.add_argument("--style-field", "--style_field", help='without it, every style is "unknown"')
    take.add_argument(
        "--context-field",
        "--context_field",
        help="text that the request refers to; placed before it, with a blank line between",
    )
    take.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="keep rows with this value; all fields given must match, each with any of its values given",
    )
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
    fields = FieldNames(
        prompt=args.prompt_field,
        id=args.id_field,
        family=args.family_field,
        style=args.style_field,
        context=args.context_field,
    )
    ingested = ingest_prompts(args.ingest, split=args.split, fields=fields, where=_conditions(args.where))
    for note in ingested.notes:
        print(f"note: {note}")
    made = {args.split: ingested.prompts}
    _compare_with_neighbors(made, args.out_dir)
    return made


def _conditions(given: list[str]) -> dict[str, list[str]]:
    conditions: dict[str, list[str]] = {}
    for condition in given:
        field, equals, value = condition.partition("=")
        if not equals or not field:
            raise InputError(f"{condition!r} is not a condition", where="--where", fix="write FIELD=VALUE")
        conditions.setdefault(field.strip(), []).append(value.strip())
    return conditions


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


def _compare_with_neighbors(made: dict[str, list[Prompt]], out_dir: Path) -> None:
    """Refuse what the workflow would refuse beside the prompts in the folder; warn where it is the project's."""
    beside = _neighbors([split for split in SPLITS if split not in made], out_dir)
    try:
        notes = _compare({**beside, **made})
    except InputError as error:
        what = f"the workflow would refuse these prompts together, and nothing was written: {error.what}"
        raise InputError(
            what, where=f"{error.where}, in {out_dir}", fix=f"{error.fix}, or give another --out_dir"
        ) from None
    for note in notes:
        print(f"note: {note}")
    others = _neighbors([split for split in SPLITS if split not in {*made, *beside}], PROJECT)
    try:
        _compare({**others, **beside, **made})
    except InputError as error:
        print(f"warning: with the project's prompts the workflow will refuse these: {error}", file=sys.stderr)


def _neighbors(splits: list[str], folder: Path) -> dict[str, list[Prompt]]:
    found = {}
    for split in splits:
        path = folder / f"{split}.jsonl"
        try:
            if path.exists():
                found[split] = read_prompts(path, split=split)
        except InputError as error:
            print(f"warning: not compared with {split}: {error}", file=sys.stderr)
    return found


def _compare(prompts: dict[str, list[Prompt]]) -> list[str]:
    """Check what no two splits may share; returns what could not be checked."""
    check_disjoint({split: prompts[split] for split in SPLITS if split in prompts})
    is_whole = {"harm_train", "harm_test"} <= prompts.keys()
    return check_shift(prompts["harm_train"], prompts["harm_test"]) if is_whole else []


if __name__ == "__main__":
    sys.exit(main())
