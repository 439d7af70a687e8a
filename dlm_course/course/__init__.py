"""What runs the course, from the bottom up.

    topics      the numbers and names of the topics
    questions   the tasks: cases, references, known mistakes; one module a topic
    student     a student's way: `check("01-2-...")` in the notebook, `dlm-course check` and `dlm-course reset`
    grading     an instructor's way from submissions to grades
    author      an author's way: from solutions/ to exercises/, and stored outputs
    grading     an instructor's way: from a folder of submissions to records of what each earned
    released    the package's copy of every exercise notebook
    lab         JupyterLab, opened at the first lecture
"""
