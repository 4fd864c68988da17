"""What a job's process is and leaves: its log, locks, end, machine, and the digest of its code."""
