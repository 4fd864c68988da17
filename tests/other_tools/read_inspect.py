"""What inspect-ai's own API finds in a folder of logs, as JSON."""

import json
import sys
from pathlib import Path

from inspect_ai.analysis import evals_df, samples_df
from inspect_ai.log import list_eval_logs, read_eval_log

folder, output = sys.argv[1:]
logs = [read_eval_log(one) for one in list_eval_logs(folder)]
found = {
    "logs": [log.model_dump(mode="json") for log in logs],
    "samples": json.loads(samples_df(folder).to_json(orient="records")),
    "evals": json.loads(evals_df(folder).to_json(orient="records")),
}
Path(output).write_text(json.dumps(found), encoding="utf-8")
