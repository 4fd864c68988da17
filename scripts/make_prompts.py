#!/usr/bin/env python3
"""Make the three prompt sets from templates, or import a file of prompts as one of them. Needs no network."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from steering_reliability.commands.import_prompts import Imported, Wanted, import_prompts
from steering_reliability.errors import InputError
from steering_reliability.prompts.card import card_path, write_card
from steering_reliability.prompts.check import check_disjoint, check_shift
from steering_reliability.prompts.generate import generate_prompts
from steering_reliability.prompts.schema import SPLITS, Prompt, to_jsonl, write_prompts
from steering_reliability.prompts.sets import KNOWN_SETS

PROJECT = Path(__file__).resolve().parents[1] / "prompts"


def main() -> int:
    """Run the command; user errors are one message and exit code 1."""
    args = _parse()
    try:
        if args.file is None:
            _write(_generate(args), args.out_dir, force=args.force)
        else:
            imported = _import(args)
            _write({args.split: imported.prompts}, args.out_dir, force=args.force)
            write_card(imported.card, path=card_path(args.out_dir / f"{args.split}.jsonl"))
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
        "  python scripts/make_prompts.py --out_dir my_prompts --from advbench --file harmful_behaviors.csv "
        "--split harm_train\n"
        "  python scripts/make_prompts.py --out_dir my_prompts --file behaviors.csv --split harm_test \\\n"
        "      --prompt-field Goal --id-field Index --family-field Category --where Source=Original\n\n"
        f"known sets: {', '.join(KNOWN_SETS)}",
    )
    parser.add_argument("--out_dir", "--out-dir", type=Path, required=True, help="folder for {split}.jsonl")
    parser.add_argument("--force", action="store_true", help="replace prompts files that are already there")
    make = parser.add_argument_group("from templates")
    make.add_argument("--n_train", "--n-train", type=int, default=150, help="prompts in harm_train (default 150)")
    make.add_argument("--n_test", "--n-test", type=int, default=150, help="prompts in harm_test (default 150)")
    make.add_argument("--n_benign", "--n-benign", type=int, default=200, help="prompts in benign (default 200)")
    make.add_argument("--seed", type=int, default=0, help="order and choice of prompts (default 0)")
    fields = 'The fields stand in place of those of a known set; "" leaves one out.'
    _add_import(parser.add_argument_group("from a file of prompts", fields))
    args = parser.parse_args()
    if (args.file is None) != (args.split is None):
        parser.error("--file and --split go together")
    if args.file is None and args.known is not None:
        parser.error("--from needs the set's --file, which you have downloaded")
    return args


def _add_import(take: argparse._ArgumentGroup) -> None:
    take.add_argument(
        "--file",
        "--ingest",
        metavar="FILE",
        help="a .csv, .tsv, .json, .jsonl, .parquet or .txt file, a folder with one, or hub:owner/name[/file]@commit",
    )
    take.add_argument("--split", choices=SPLITS, help="split to write it as")
    take.add_argument(
        "--from", dest="known", metavar="SET", help="the public set that it is; without it, recognised by the columns"
    )
    take.add_argument(
        "--drop_overlaps",
        "--drop-overlaps",
        action="store_true",
        help="leave out prompts that another .jsonl file of the folder has, or a near copy of them",
    )
    take.add_argument("--prompt-field", "--prompt_field", help='default "prompt"; "meta.x" reads a nested field')
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


def _generate(args: argparse.Namespace) -> dict[str, list[Prompt]]:
    sizes = {"harm_train": args.n_train, "harm_test": args.n_test, "benign": args.n_benign}
    made = {split: generate_prompts(split, n=n, seed=args.seed) for split, n in sizes.items()}
    check_disjoint(made)
    check_shift(made["harm_train"], made["harm_test"])
    return made


def _import(args: argparse.Namespace) -> Imported:
    names = ("prompt", "id", "family", "style", "context")
    given = {name: value for name in names if (value := getattr(args, f"{name}_field")) is not None}
    wanted = Wanted(
        args.file, args.split, args.known, fields=given, where=_conditions(args.where), drop_overlaps=args.drop_overlaps
    )
    imported = import_prompts(wanted, out_dir=args.out_dir, project=PROJECT, say=print)
    for note in imported.notes:
        print(f"note: {note}")
    for warning in imported.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return imported


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


if __name__ == "__main__":
    sys.exit(main())
