"""Grading: a folder of submissions in, one record each, and what is made of the records."""
