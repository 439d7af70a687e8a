"""Grading: a folder of submissions in, grades that can be trusted and feedback out."""
