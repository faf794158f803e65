"""Scoring corpora at ingest: files of chunks in, the same files with stored scores out, on one machine or many."""
