"""Grading: a folder of submissions in, one record a submission out.

    submissions   who handed in what, in a folder or a zip; on `layouts` (whose a file is), `listing` (what lies there,
                  read safely) and `names` (what names say)
    notebooks     from the bytes of a submission to a notebook of the topic, or the problem with it
    words         a notebook's answers in words
    records       what came of a submission, and the file that keeps it
    written       the table in which a person grades the answers in words; on `spreadsheets`
"""
