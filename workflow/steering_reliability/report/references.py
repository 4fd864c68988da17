"""The papers behind the methods that a run used, as BibTeX."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from steering_reliability import __version__
from steering_reliability.report.run_facts import TITLE

WORKFLOW: Final = "steeringreliability"


def _arxiv(title: str, *, authors: str, year: int, number: str) -> str:
    fields = {"title": f"{{{title}}}", "author": authors, "year": year, "eprint": number, "archiveprefix": "arXiv"}
    return _entry("misc", fields)


def _article(title: str, *, authors: str, year: int, journal: str, volume: int, pages: str) -> str:
    fields = {"title": f"{{{title}}}", "author": authors, "journal": journal, "volume": volume, "pages": pages}
    return _entry("article", fields | {"year": year})


def _entry(kind: str, fields: Mapping[str, Any]) -> str:
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{kind}{{KEY,\n{lines}}}\n"


REFERENCES: Final[Mapping[str, str]] = {
    "panickssery2023": _arxiv(
        "Steering Llama 2 via Contrastive Activation Addition",
        authors="Panickssery, Nina and Gabrieli, Nick and Schulz, Julian and Tong, Meg and Hubinger, Evan and "
        "Turner, Alexander Matt", year=2023, number="2312.06681",
    ),
    "arditi2024": _arxiv(
        "Refusal in Language Models Is Mediated by a Single Direction",
        authors="Arditi, Andy and Obeso, Oscar and Syed, Aaquib and Paleka, Daniel and Panickssery, Nina and "
        "Gurnee, Wes and Nanda, Neel", year=2024, number="2406.11717",
    ),
    "zou2023": _arxiv(
        "Representation Engineering: A Top-Down Approach to AI Transparency", authors="Zou, Andy and others",
        year=2023, number="2310.01405",
    ),
    "marks2023": _arxiv(
        "The Geometry of Truth: Emergent Linear Structure in Large Language Model Representations of True/False "
        "Datasets", authors="Marks, Samuel and Tegmark, Max", year=2023, number="2310.06824",
    ),
    "turner2023": _arxiv(
        "Steering Language Models With Activation Engineering", authors="Turner, Alexander Matt and others",
        year=2023, number="2308.10248",
    ),
    "liu2023": _arxiv(
        "In-context Vectors: Making In Context Learning More Effective and Controllable Through Latent Space Steering",
        authors="Liu, Sheng and Ye, Haotian and Xing, Lei and Zou, James", year=2023, number="2311.06668",
    ),
    "marshall2024": _arxiv(
        "Refusal in LLMs is an Affine Function", authors="Marshall, Thomas and Scherlis, Adam and Belrose, Nora",
        year=2024, number="2411.09003",
    ),
    "tan2024": _arxiv(
        "Analyzing the Generalization and Reliability of Steering Vectors",
        authors="Tan, Daniel and Chanin, David and Lynch, Aengus and Kanoulas, Dimitrios and Paige, Brooks and "
        "Garriga-Alonso, Adria and Kirk, Robert", year=2024, number="2407.12404",
    ),
    "newcombe1998": _article(
        "Improved confidence intervals for the difference between binomial proportions based on paired data",
        authors="Newcombe, Robert G.", year=1998, journal="Statistics in Medicine", volume=17, pages="2635--2650",
    ),
    "korn1998": _article(
        "Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
        authors="Korn, Edward L. and Graubard, Barry I.", year=1998, journal="Survey Methodology", volume=24,
        pages="193--201",
    ),
    "zou2008": _article(
        "Construction of confidence intervals about effect measures: a general approach",
        authors="Zou, G. Y. and Donner, Allan", year=2008, journal="Statistics in Medicine", volume=27,
        pages="1693--1702",
    ),
    "holm1979": _article(
        "A simple sequentially rejective multiple test procedure", authors="Holm, Sture", year=1979,
        journal="Scandinavian Journal of Statistics", volume=6, pages="65--70",
    ),
    "molder2021": _article(
        "Sustainable data analysis with Snakemake", authors=r'M{\"o}lder, Felix and others', year=2021,
        journal="F1000Research", volume=10, pages="33",
    ),
    WORKFLOW: _entry(
        "software", {"title": f"{{{TITLE}}}", "author": "{The Steering reliability authors}", "version": __version__}
    ),
}  # fmt: skip
"""Key to its entry, in which KEY stands for it; sources are those that docs/method.md and docs/statistics.md name."""

_METHODS: Final = {
    "contrastive_prefix": "panickssery2023",
    "difference_in_means": "arditi2024",
    "pca": "zou2023",
    "lda": "marks2023",
}
_INTERVENTIONS: Final = {
    "add": "turner2023",
    "add_keep_norm": "liu2023",
    "ablate": "arditi2024",
    "ablate_affine": "marshall2024",
    "clamp": "marshall2024",
}
_ALWAYS: Final = ("newcombe1998", "korn1998", "zou2008", "holm1979", "molder2021", WORKFLOW)


def method_key(method: str) -> str:
    """Return the key of the paper that a method of learning a direction is from; empty where it is from none."""
    return _METHODS.get(method, "")


def intervention_key(intervention: str) -> str:
    """Return the key of the paper that an intervention is from."""
    return _INTERVENTIONS[intervention]


def keys_in_use(*, methods: Sequence[str], interventions: Sequence[str], has_steerability: bool) -> Iterator[str]:
    """Return the keys of the papers behind a run, each once."""
    found = [*map(method_key, methods), *map(intervention_key, interventions)]
    yield from dict.fromkeys(filter(None, [*found, "tan2024" if has_steerability else "", *_ALWAYS]))


def bibliography(keys: Sequence[str]) -> str:
    """Return a BibTeX file of these papers."""
    return "\n".join(REFERENCES[key].replace("KEY", key, 1) for key in keys)
