"""A student's way from an answer to a verdict.

    check           one answer, in the notebook: check("01-2-cumulative-matrix") prints one line
    page            how that line looks in JupyterLab; elsewhere it is printed
    check_notebook  `dlm-course check`: what it does with a file; the steps are the next three
    assemble        the answers of a notebook, put into the package's copy of it
    validate        nbval runs what was assembled, nbval_report says what it found; a verdict a question
    causes          why a check printed no verdict
    reset           `dlm-course reset`: an untouched notebook
"""
