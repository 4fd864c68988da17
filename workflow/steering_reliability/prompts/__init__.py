"""Prompt sets: their schema, how they are made or taken in, validated, capped, and how far apart the splits are."""
