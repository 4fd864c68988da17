"""From the evidence tables to verdicts and the sentences of claims.csv."""
