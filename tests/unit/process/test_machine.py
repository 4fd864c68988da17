"""What is recorded of a machine and of the code's clone."""

import subprocess

from steering_reliability.process.machine import code_commit, machine_facts
from steering_reliability.process.system import processor_name


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)


def test_the_commit_is_that_of_the_clone_and_says_when_code_has_changed(tmp_path):
    package = tmp_path / "workflow" / "steering_reliability"
    package.mkdir(parents=True)
    assert code_commit(package) is None
    (package / "a.py").write_text("")
    (tmp_path / "README.md").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = code_commit(package)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "README.md").write_text("other words")
    assert code_commit(package) == commit
    (package / "a.py").write_text("other code")
    assert code_commit(package) == f"{commit} (changed)"


def test_a_package_without_a_clone_of_its_own_takes_no_other_repository_for_it(tmp_path):
    package = tmp_path / "lib" / "site-packages" / "steering_reliability"
    package.mkdir(parents=True)
    git(tmp_path, "init", "-q")
    assert code_commit(package) is None


def test_the_machine_says_what_it_is():
    facts = machine_facts()
    assert facts["processor"] == processor_name() != ""
    assert set(facts) == {"system", "architecture", "processor", "cpu_capability", "gpu"}
