"""A copy of this project in a folder of its own, in which Snakemake runs for real."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("Snakefile", "config.yaml", "rules", "workflow", "profiles", "envs", "prompts")
# Where `make .plugins/ready` puts Snakemake's plugins for clusters.
CLUSTER_PLUGINS = REPOSITORY / ".plugins"
SPLITS = ("harm_train", "harm_test", "benign")
CONFIG = "run.yaml"

# Everything that the grid has: two interventions, two layers, and each of the sanity checks.
TINY: dict[str, Any] = {
    "model": {"name": "tiny", "source": "model", "device": "cpu", "dtype": "float32"},
    "data": {"max_prompts_per_split": 6},
    "generation": {"max_new_tokens": 6, "temperature": 0.7, "top_p": 0.95, "batch_size": 64, "workers": 1},
    "experiment": {
        "layers": [0, 1],
        "interventions": ["add", "ablate"],
        "alphas": {"add": [0.5, 1.0], "ablate": [1.0]},
        "alpha_unit": "resid_norm",
        "output_dir": "results/tiny",
    },
    "sanity_checks": {
        "alt_prefixes": [{"refusal_prefix": "I won't do that.", "compliance_prefix": "Of course, first"}],
        "random_seeds": [0],
        "rerun_subset_n": 3,
        "alt_seed": 1,
        # Known from the config, so that a dry run knows every job.
        "controls_at": "point",
        "layer": 1,
        "alpha": 1.0,
    },
}


# The smallest study: one layer, one strength of each intervention, no checks.
SMALL: dict[str, Any] = {
    "experiment.layers": [1],
    "experiment.alphas": {"add": [1.0], "ablate": [1.0]},
    "sanity_checks.enabled": False,
    "sanity_checks.layer": None,
}


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A config with some keys set to other values; keys are written `section.key`."""
    result: dict[str, Any] = json.loads(json.dumps(settings))
    for name, value in changes.items():
        section, key = name.split(".")
        result.setdefault(section, {})[key] = value
    return result


@dataclass(frozen=True, order=True)
class Job:
    """A job by its rule and wildcards, the latter sorted by name."""

    rule: str
    wildcards: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.rule}({', '.join(f'{name}={value}' for name, value in self.wildcards)})"


def job(rule: str, **wildcards: object) -> Job:
    """A job with these wildcards."""
    return Job(rule, tuple(sorted((name, str(value)) for name, value in wildcards.items())))


@dataclass
class Run:
    """What one call of Snakemake did, or would do.

    Attributes:
        jobs_file: What the logger plugin writes, while Snakemake runs.
        code: Exit code.
        output: stdout and stderr, together.
        jobs: Every job that was planned (dry run) or started, as often as it was.
        outputs: Files of each job.
        finished: The jobs that Snakemake saw finish.
        reasons: Why each job is needed, for the message of a failed test.
    """

    jobs_file: Path
    code: int = -1
    output: str = ""
    jobs: Counter[Job] = field(default_factory=Counter)
    outputs: dict[Job, list[str]] = field(default_factory=dict)
    finished: list[Job] = field(default_factory=list)
    reasons: dict[Job, str] = field(default_factory=dict)

    def read_jobs(self) -> "Run":
        """Take in what the logger plugin has written so far."""
        self.jobs, self.outputs, self.finished, self.reasons = Counter(), {}, [], {}
        numbers: dict[int, Job] = {}
        for line in self.jobs_file.read_text(encoding="utf-8").splitlines() if self.jobs_file.exists() else []:
            facts = json.loads(line)
            if facts["event"] == "finished":
                self.finished.append(numbers[facts["number"]])
                continue
            seen = job(facts["rule"], **facts["wildcards"])
            numbers[facts["number"]] = seen
            self.jobs[seen] += 1
            self.outputs[seen] = facts["output"]
            self.reasons[seen] = facts["reason"]
        return self


class Project:
    """A folder with the workflow's sources and a tiny model, and what Snakemake made there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls, root: Path, *, model: Path) -> "Project":
        """Copy the sources (what git tracks or would track) and the model."""
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *SOURCES]
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (REPOSITORY / name).exists():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, root / name, follow_symlinks=False)
        shutil.copytree(model, root / "model")
        return cls(root)

    def copy(self, root: Path) -> "Project":
        """A copy in which every file keeps its time, so that Snakemake finds it as it left it."""
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root)

    def configure(self, changes: Mapping[str, Any] | None = None, *, name: str = CONFIG) -> None:
        """Write the tiny config, changed."""
        settings = changed(TINY, changes or {})
        (self.root / name).write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def edit(self, path: str, *, old: str, new: str) -> None:
        """Replace a text that must be in a file."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text, f"{path} no longer holds {old!r}: the test has nothing to change"
        (self.root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    @contextmanager
    def running(
        self, *arguments: str, config: str = CONFIG, extra_path: tuple[str, ...] = ()
    ) -> "Iterator[tuple[subprocess.Popen[bytes], Run]]":
        """Run Snakemake, as a user would, while the block lasts; what it did is in the `Run` after the block.

        A process that still runs at the end of the block is killed.
        """
        command = [sys.executable, "-m", "snakemake", "--configfile", config, "--logger", "jobs", "--nocolor"]
        command += arguments
        with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "output.txt").open("wb") as output:
            run = Run(jobs_file=Path(scratch) / "jobs.jsonl")
            environment = self.environment() | {
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "plugins"), *extra_path]),
                "JOBS_FILE": str(run.jobs_file),
            }
            # To a file and not a pipe: nobody reads while it runs, and a full pipe would stop it.
            process = subprocess.Popen(command, cwd=self.root, env=environment, stdout=output, stderr=output)
            try:
                yield process, run
            except BaseException:
                # Shown beside the failed test, which cannot look into a run that it did not see end.
                print(Path(output.name).read_text(encoding="utf-8"))
                raise
            finally:
                process.kill()
                run.code = process.wait()
                run.output = Path(output.name).read_text(encoding="utf-8")
                run.read_jobs()

    def snakemake(
        self, *arguments: str, config: str = CONFIG, timeout: float = 900, extra_path: tuple[str, ...] = ()
    ) -> Run:
        """Run Snakemake to its end."""
        with self.running(*arguments, config=config, extra_path=extra_path) as (process, run):
            process.wait(timeout=timeout)
        return run

    def python(
        self, *words: str, timeout: float = 600, extra_path: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run Python in the project as a user of it would, with the project's package."""
        path = os.pathsep.join([str(self.root / "workflow"), *extra_path])
        environment = self.environment() | {"PYTHONPATH": path}
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False, timeout=timeout
        )

    def plan(self, *arguments: str, config: str = CONFIG, extra_path: tuple[str, ...] = ()) -> Run:
        """Ask Snakemake what it would do."""
        run = self.snakemake("--dry-run", *arguments, config=config, extra_path=extra_path)
        assert run.code == 0, run.output
        return run

    def environment(self) -> dict[str, str]:
        """What a run of a user's shell would have, without what belongs to the tests' own process."""
        ours = ("STEERING_OWNER", "STEERING_PLACE", "STEERING_PACKAGE", "PYTHONPATH", "SNAKEMAKE_PROFILE")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return kept | {"HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(self.root / ".cache")}

    def made(self, *folders: str) -> dict[str, bytes]:
        """Bytes of all that a run left but for logs; of the tiny run where no folders are named."""
        kept = self.files(*(folders or ("results/tiny", "reports/tiny")))
        return {name: content for name, (_, content) in kept.items() if "/logs/" not in name}

    def differences(self, expected: Mapping[str, bytes]) -> list[str]:
        """What is not as in an undisturbed run, the first few of each kind."""
        return differences(self.made(), expected)

    def files(self, *folders: str) -> dict[str, tuple[int, bytes]]:
        """Modification time (ns) and bytes of every file under some folders."""
        return {
            str(path.relative_to(self.root)): (path.stat().st_mtime_ns, path.read_bytes())
            for folder in folders
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file()
        }

    def numbers(self, run: str = "results/tiny") -> dict[str, bytes]:
        """Bytes of a run's shards, directions, results.parquet and tables, by their path in the run."""
        folders = ("completions/", "directions/", "tables/", "results.parquet")
        made = {name.removeprefix(f"{run}/"): content for name, content in self.made(run).items()}
        return {name: content for name, content in made.items() if name.startswith(folders) and "/." not in name}

    def shards(self, run: str = "results/tiny") -> dict[str, tuple[int, bytes]]:
        """Modification time and bytes of every shard of a run."""
        return self.files(f"{run}/completions")


def differences(now: Mapping[str, bytes], expected: Mapping[str, bytes]) -> list[str]:
    """What is not as it should be, the first few of each kind."""
    differs = [f"differs: {name}" for name in sorted(expected) if now.get(name) != expected[name]]
    return [*differs[:5], *[f"is not of the run: {name}" for name in sorted(now.keys() - expected.keys())][:5]]


def processes_in(root: Path) -> dict[int, str]:
    """Processes that belong to a run, by what their command line or folder says."""
    found = {}
    for one in psutil.process_iter(["cwd", "cmdline"]):
        line, place = " ".join(one.info["cmdline"] or []), one.info["cwd"] or ""
        if one.pid != os.getpid() and (place.startswith(str(root)) or str(root) in line):
            found[one.pid] = line
    return found


def kill(number: int) -> None:
    """kill -9; somebody who has gone by himself is no matter."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return
