"""A Snakemake executor that writes empty files and calls every job done: what is left is Snakemake's own work."""

from pathlib import Path

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.real import RealExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=False,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RealExecutor):
    """Does nothing, at once."""

    def run_job(self, job) -> None:
        """Leave the files that a job promises."""
        info = SubmittedJobInfo(job=job)
        self.report_job_submission(info)
        for path in [*job.output, *job.log, *([job.benchmark] if job.benchmark else [])]:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
        self.report_job_success(info)

    @property
    def cores(self) -> int:
        """Of no use here."""
        return 1

    def get_python_executable(self) -> str:
        """Of no use here."""
        return "python"

    def get_exec_mode(self) -> str:
        """Of no use here."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Nothing runs."""

    def shutdown(self) -> None:
        """Nothing runs."""
