"""Grading: a folder of submissions in, grades that can be trusted and feedback out.

    box           the sandbox: start it, ask it, kill it
    wire          the bytes between the grader and the sandbox; what comes back is believed in nothing

On the other side, in the sandbox and imported by no module of the grader's:

    warm_parent   the process that has torch loaded, and forks for every question
    confine       what the fork gives up before it runs a student's code
    answering     the student's cells, then the function on the cases
"""
