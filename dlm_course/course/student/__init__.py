"""A student's way from an answer to a verdict.

    check       one answer, in the notebook: check("01-2-cumulative-matrix") prints one line
    assemble    `dlm-course check`: the answers of a notebook, put into the package's copy of it
    validate    `dlm-course check`: nbval runs what was assembled; a verdict a question
    reset       `dlm-course reset`: an untouched notebook
"""
